"""One parser for each tool-call wire format: text in, well-formed calls and named problems out."""
