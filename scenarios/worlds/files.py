"""A tree of text files that exists only in the state."""

from __future__ import annotations

import posixpath

from lab.scenarios.worlds.base import (
    BOOLEAN,
    JSON,
    STRING,
    Tool,
    ToolError,
    World,
    array,
    enum,
    refuse_unless,
    text,
)

MODES = ("private", "team", "public")
KINDS = ("txt", "md", "csv", "json", "yaml", "log")


class Files(World):
    """State: `files` (absolute path -> text), `folders` (list of absolute paths), `modes` (path -> mode),
    `read_only` (list of paths), `archives` (path -> paths)."""

    name = "files"
    role = "file assistant"

    def list_folder(self, path: str) -> JSON:
        path = self._folder(path)
        inside = [entry for entry in [*self._state["folders"], *self._state["files"]] if entry != path]
        names = [posixpath.basename(entry) for entry in inside if posixpath.dirname(entry) == path]
        return {"entries": sorted(names)}

    def read_text(self, path: str) -> JSON:
        return {"text": self._file(path)}

    def file_info(self, path: str) -> JSON:
        content, mode = self._file(path), self._state["modes"].get(path, "team")
        lines = content.count("\n") + bool(content)
        return {"path": path, "characters": len(content), "lines": lines, "mode": mode}

    def find_files(self, folder: str, name_contains: str, kind: str | None) -> JSON:
        folder = self._folder(folder)
        paths = [
            path
            for path in self._state["files"]
            if path.startswith(f"{folder}/")
            and name_contains.casefold() in posixpath.basename(path).casefold()
            and (kind is None or path.endswith(f".{kind}"))
        ]
        return {"paths": sorted(paths)[:10]}

    def search_text(self, folder: str, phrase: str) -> JSON:
        folder = self._folder(folder)
        hits = [
            {"path": path, "line": number}
            for path, content in sorted(self._state["files"].items())
            if path.startswith(f"{folder}/")
            for number, line in enumerate(content.splitlines(), start=1)
            if phrase.casefold() in line.casefold()
        ]
        return {"hits": hits[:10]}

    def write_text(self, path: str, content: str, overwrite: bool) -> JSON:
        self._writable(path)
        self._folder(posixpath.dirname(path))
        refuse_unless(overwrite or path not in self._state["files"], "exists", f"{path} exists already")
        self._state["files"][path] = content
        return {"path": path, "characters": len(content)}

    def append_line(self, path: str, line: str) -> JSON:
        content = self._file(path)
        self._writable(path)
        self._state["files"][path] = f"{content}\n{line}" if content else line
        return {"path": path, "lines": content.count("\n") + 1 + bool(content)}

    def replace_text(self, path: str, old: str, new: str) -> JSON:
        content = self._file(path)
        self._writable(path)
        refuse_unless(old and old in content, "no_match", f"{old!r} does not occur in {path}")
        self._state["files"][path] = content.replace(old, new)
        return {"path": path, "replaced": content.count(old)}

    def move_file(self, source: str, destination: str) -> JSON:
        self._file(source)
        self._writable(source)
        self._transfer(source, destination)
        del self._state["files"][source]
        return {"path": destination}

    def copy_file(self, source: str, destination: str) -> JSON:
        self._transfer(source, destination)
        return {"path": destination}

    def delete_file(self, path: str) -> JSON:
        self._file(path)
        self._writable(path)
        del self._state["files"][path]
        return {"deleted": path}

    def make_folder(self, path: str) -> JSON:
        self._folder(posixpath.dirname(path))
        refuse_unless(path not in self._state["folders"], "exists", f"{path} exists already")
        self._state["folders"].append(path)
        self._state["folders"].sort()
        return {"path": path}

    def share_file(self, path: str, mode: str) -> JSON:
        self._file(path)
        self._state["modes"][path] = mode
        return {"path": path, "mode": mode}

    def pack_files(self, paths: list[str], archive: str) -> JSON:
        for path in paths:
            self._file(path)
        refuse_unless(archive.endswith(".zip"), "invalid_arguments", "an archive's name ends with .zip")
        self._folder(posixpath.dirname(archive))
        self._state["archives"][archive] = sorted(paths)
        return {"archive": archive, "files": len(paths)}

    def _folder(self, path: str) -> str:
        path = path.rstrip("/") or "/"
        refuse_unless(path in self._state["folders"], "not_found", f"no folder {path!r}")
        return path

    def _file(self, path: str) -> str:
        content: str = self._find("files", path, "file")
        return content

    def _writable(self, path: str) -> None:
        if path in self._state["read_only"]:
            raise ToolError("read_only", f"{path} is read-only")

    def _transfer(self, source: str, destination: str) -> None:
        content = self._file(source)
        self._folder(posixpath.dirname(destination))
        refuse_unless(destination not in self._state["files"], "exists", f"{destination} exists already")
        self._state["files"][destination] = content

    TOOLS = (
        Tool(list_folder, "List what is in a folder.", {"path": STRING}),
        Tool(read_text, "Read a text file.", {"path": STRING}),
        Tool(file_info, "Size and sharing mode of a file.", {"path": STRING}),
        Tool(
            find_files,
            "Find files below a folder by name.",
            {"folder": STRING, "name_contains": STRING},
            {"kind": enum(*KINDS)},
        ),
        Tool(search_text, "Find lines that contain a phrase.", {"folder": STRING, "phrase": STRING}),
        Tool(
            write_text,
            "Write a new text file.",
            {"path": STRING, "content": STRING},
            {"overwrite": {**BOOLEAN, "default": False}},
        ),
        Tool(append_line, "Add one line at the end of a file.", {"path": STRING, "line": STRING}),
        Tool(replace_text, "Replace a phrase in a file.", {"path": STRING, "old": STRING, "new": STRING}),
        Tool(move_file, "Move or rename a file.", {"source": STRING, "destination": text("full new path")}),
        Tool(copy_file, "Copy a file.", {"source": STRING, "destination": text("full path of the copy")}),
        Tool(delete_file, "Delete a file for good.", {"path": STRING}),
        Tool(make_folder, "Make a folder.", {"path": STRING}),
        Tool(share_file, "Set who may see a file.", {"path": STRING, "mode": enum(*MODES)}),
        Tool(pack_files, "Pack files into a zip archive.", {"paths": array(STRING), "archive": STRING}),
    )
