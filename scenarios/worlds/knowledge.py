"""A handbook to answer from: documents cut into passages, searched by words, cited by id."""

from __future__ import annotations

import re
from functools import cache

from lab.scenarios.worlds.base import (
    JSON,
    STRING,
    Tool,
    World,
    array,
    enum,
    record,
    refuse_unless,
    text,
    whole,
)

COLLECTIONS = ("manuals", "policies", "releases")
SNIPPET = 60  # characters


@cache
def _words(value: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", value.casefold()))


class Knowledge(World):
    """State: `passages` (id -> document, title, collection, text), `answers`, `gaps`, `corrections`,
    `articles` (by id), `bookmarks` and `ratings` (passage -> value), `terms` (term -> meaning)."""

    name = "knowledge"
    role = "help-desk assistant that answers from the company's documents and cites them"

    def search_passages(self, query: str, collection: str | None, limit: int) -> JSON:
        wanted = _words(query)
        scored = [
            (-len(wanted & _words(f"{passage['title']} {passage['text']}")), id_)
            for id_, passage in self._state["passages"].items()
            if collection in (None, passage["collection"])
        ]
        best = [id_ for score, id_ in sorted(scored) if score < 0][:limit]
        return {"passages": [self._hit(id_) for id_ in best]}

    def read_passage(self, passage_id: str) -> JSON:
        passage = self._find("passages", passage_id, "passage")
        return {"title": passage["title"], "text": passage["text"]}

    def list_documents(self, collection: str) -> JSON:
        titles = {p["document"]: p["title"] for p in self._state["passages"].values()}
        chosen = {p["document"] for p in self._state["passages"].values() if p["collection"] == collection}
        return {"documents": [{"document_id": id_, "title": titles[id_]} for id_ in sorted(chosen)]}

    def document_outline(self, document_id: str) -> JSON:
        inside = [id_ for id_, p in self._state["passages"].items() if p["document"] == document_id]
        refuse_unless(inside, "not_found", f"no document {document_id!r}")
        return {"passages": [self._hit(id_) for id_ in inside]}

    def define_term(self, term: str) -> JSON:
        return {"term": term, "meaning": self._find("terms", term.casefold(), "entry for")}

    def submit_answer(self, answer: str, citations: list[str]) -> JSON:
        for passage_id in citations:
            self._find("passages", passage_id, "passage")
        answer_id = self._new_id("AN", self._state["answers"], answer, citations)
        self._state["answers"][answer_id] = {"answer": answer, "citations": citations}
        return {"answer_id": answer_id}

    def report_gap(self, question: str, collection: str) -> JSON:
        gap_id = self._new_id("GP", self._state["gaps"], question, collection)
        self._state["gaps"][gap_id] = {"question": question, "collection": collection}
        return {"gap_id": gap_id}

    def suggest_correction(self, passage_id: str, wrong: str, right: str) -> JSON:
        passage = self._find("passages", passage_id, "passage")
        refuse_unless(wrong in passage["text"], "no_match", f"{wrong!r} does not occur in {passage_id}")
        correction = {"passage_id": passage_id, "wrong": wrong, "right": right}
        correction_id = self._new_id("CO", self._state["corrections"], correction)
        self._state["corrections"][correction_id] = correction
        return {"correction_id": correction_id}

    def bookmark_passage(self, passage_id: str, note: str | None) -> JSON:
        self._find("passages", passage_id, "passage")
        self._state["bookmarks"][passage_id] = note or ""
        return {"bookmarked": passage_id}

    def rate_passage(self, passage_id: str, stars: int) -> JSON:
        self._find("passages", passage_id, "passage")
        self._state["ratings"][passage_id] = stars
        return {"passage_id": passage_id, "stars": stars}

    def add_article(self, title: str, collection: str, facts: list[JSON], owner: str | None) -> JSON:
        article = {"title": title, "collection": collection, "facts": facts}
        article |= {"owner": owner} if owner else {}
        article_id = self._new_id("AR", self._state["articles"], article)
        self._state["articles"][article_id] = article
        return {"article_id": article_id, "facts": len(facts)}

    def _hit(self, passage_id: str) -> JSON:
        passage = self._state["passages"][passage_id]
        snippet = passage["text"]
        if len(snippet) > SNIPPET:
            snippet = f"{snippet[:SNIPPET].rpartition(' ')[0]} ..."
        return {"passage_id": passage_id, "title": passage["title"], "snippet": snippet}

    TOOLS = (
        Tool(
            search_passages,
            "Search the documents by words.",
            {"query": STRING},
            {"collection": enum(*COLLECTIONS), "limit": whole(1, 10, 3)},
        ),
        Tool(read_passage, "Read a passage in full.", {"passage_id": STRING}),
        Tool(list_documents, "List a collection's documents.", {"collection": enum(*COLLECTIONS)}),
        Tool(document_outline, "List the passages of a document.", {"document_id": STRING}),
        Tool(define_term, "Look up a term in the glossary.", {"term": STRING}),
        Tool(
            submit_answer,
            "Record the short answer and the passages it rests on.",
            {"answer": text("the fact alone"), "citations": array(text("passage id"))},
        ),
        Tool(
            report_gap,
            "Report a question that the documents do not answer.",
            {"question": STRING, "collection": enum(*COLLECTIONS)},
        ),
        Tool(
            suggest_correction,
            "Suggest a correction to a passage.",
            {"passage_id": STRING, "wrong": STRING, "right": STRING},
        ),
        Tool(bookmark_passage, "Bookmark a passage.", {"passage_id": STRING}, {"note": STRING}),
        Tool(rate_passage, "Rate how helpful a passage is.", {"passage_id": STRING, "stars": whole(1, 5)}),
        Tool(
            add_article,
            "Add an article made of facts.",
            {
                "title": STRING,
                "collection": enum(*COLLECTIONS),
                "facts": array(record({"property": STRING, "value": STRING})),
            },
            {"owner": STRING},
        ),
    )
