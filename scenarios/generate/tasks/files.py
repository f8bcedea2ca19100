"""Requests to a file assistant."""

from __future__ import annotations

from collections.abc import Iterator

from lab.scenarios.generate.pools import TOPICS, words
from lab.scenarios.generate.script import Script, Task, norm, unordered
from lab.scenarios.generate.values import MODULUS, Values
from lab.scenarios.generate.wording import listed
from lab.scenarios.worlds.base import JSON
from lab.scenarios.worlds.files import KINDS, MODES

FOLDERS = words(
    """accounts archive artwork backups billing blueprints branches budgets campaigns cases catalogs
    clients colors contracts courses drafts drawings exports facilities filings fleet forms gallery
    grants guides handbook hiring images imports invoices issues journals kits labels layouts leases
    ledgers legal letters logistics manuals maps markets media meetings minutes models notices
    outreach papers partners patents payroll permits photos plans policies posters press pricing
    products protocols quotes records recipes research reviews samples schedules scripts shipments
    sites sketches slides stock studies surveys tenders tickets tours training travel vendors"""
)
ROOTS = ("/srv", "/home/shared", "/data", "/team")
KEYS = words(
    """alpha_limit batch_size cache_days draft_margin export_depth fetch_pause grid_width hold_hours
    image_scale join_window keep_weeks line_height max_retries news_count open_slots page_length
    queue_depth row_limit save_interval tab_stop upload_cap view_angle wait_seconds zoom_level
    base_fee copy_count door_code edge_trim fan_speed gate_number heat_level item_ceiling"""
)


def base(_: Values) -> JSON:
    """An empty tree."""
    return {"files": {}, "folders": ["/", *ROOTS, "/home"], "modes": {}, "read_only": [], "archives": {}}


def _folder(s: Script) -> str:
    folder = f"{s.v.choice(ROOTS)}/{s.v.pick(FOLDERS)}"
    s.state["folders"].append(folder)
    return folder


def _stem(s: Script) -> str:
    return s.v.pick(TOPICS).replace(" ", s.v.choice("-_"))


def _file(s: Script, folder: str, kind: str | None = None, text: str | None = None) -> str:
    v, kind = s.v, kind or s.v.choice(("txt", "md", "csv", "log"))
    path = f"{folder}/{_stem(s)}.{kind}"
    s.state["files"][path] = text or f"{v.pick(TOPICS)}: {v.number(10, 5000)}"
    return path


def _setting(s: Script) -> tuple[str, str]:
    """A line of a settings file, and the line that replaces it."""
    key, old, new = s.v.pick(KEYS).replace(" ", "_"), s.v.number(10, 900), s.v.number(10, 900)
    return f"{key}: {old}", f"{key}: {new if new != old else new + MODULUS}"


def _line(s: Script) -> str:
    return f"{s.v.choice(('checked', 'approved', 'updated', 'to do', 'owner'))}: {s.v.pick(TOPICS)}"


def change_setting(s: Script) -> Iterator[None]:
    folder, kind, (old, new) = _folder(s), s.v.choice(("yaml", "json")), _setting(s)
    path = _file(s, folder, kind, f"{_setting(s)[0]}\n{old}")
    _file(s, folder)
    stem = path.rpartition("/")[2].partition(".")[0]
    yield
    s.ask("change_setting", kind=kind, stem=stem, folder=folder, old=f'"{old}"', new=f'"{new}"')
    s.call("find_files", folder=folder, name_contains=norm(stem), kind=kind)
    s.call("read_text", path=path)
    s.call("replace_text", path=path, old=old, new=new)
    s.say(f"{path} says {new} now.", new, changed_file=path)


def file_away(s: Script) -> Iterator[None]:
    source, mode = _file(s, _folder(s)), s.v.choice(MODES)
    target = f"{_folder(s)}/{s.v.pick(FOLDERS)}"
    yield
    s.ask("file_away", source=source, target=target, mode=mode)
    s.call("make_folder", path=target)
    moved = s.call("move_file", source=source, destination=f"{target}/{source.rpartition('/')[2]}")
    s.call("share_file", path=moved["path"], mode=mode)
    s.say(f"The file is at {moved['path']} and {mode}.", moved["path"], new_path=moved["path"])


def find_phrase(s: Script) -> Iterator[None]:
    folder, phrase, line = _folder(s), s.v.pick(TOPICS), _line(s)
    path = _file(s, folder, text=f"{phrase}: {s.v.number(10, 999)}")
    _file(s, folder)
    yield
    s.ask("find_phrase", folder=folder, phrase=phrase, line=line)
    found = s.call("search_text", folder=folder, phrase=norm(phrase))
    s.call("read_text", path=found["hits"][0]["path"])
    made = s.call("append_line", path=path, line=line)
    s.say(f"[Added to|I added it to] {path}, which has {made['lines']} lines now.", path, changed_file=path)


def backup(s: Script) -> Iterator[None]:
    (old, new), folder = _setting(s), _folder(s)
    source = _file(s, folder, s.v.choice(("yaml", "txt")), old)
    copy = f"{_folder(s)}/{source.rpartition('/')[2]}"
    yield
    s.ask("backup", source=source, copy=copy, old=f'"{old}"', new=f'"{new}"')
    s.call("copy_file", source=source, destination=copy)
    s.call("replace_text", path=source, old=old, new=new)
    s.say(f"[Done|Changed]: {source} says {new}; the old version is at {copy}.", copy, backup_path=copy)


def read_many(s: Script) -> Iterator[None]:
    folder = _folder(s)
    paths = [_file(s, folder) for _ in range(s.v.count(2, 3))]
    yield
    s.ask("read_many", paths=paths)
    found = s.together(*(("read_text", {"path": path}) for path in paths))
    s.say(f"They say: {'; '.join(each['text'] for each in found)}.", *(each["text"] for each in found))


def info_many(s: Script) -> Iterator[None]:
    paths = [_file(s, _folder(s)) for _ in range(s.v.count(2, 4))]
    for path in paths[1:]:
        s.state["modes"][path] = s.v.choice(MODES)
    yield
    s.ask("info_many", paths=paths)
    found = s.together(*(("file_info", {"path": path}) for path in paths))
    told = [f"{each['path']}: {each['characters']} characters, {each['mode']}" for each in found]
    s.say(f"{'; '.join(told)}.", *(each["characters"] for each in found))


def missing(s: Script) -> Iterator[None]:
    folder = _folder(s)
    inner = f"{folder}/{s.v.pick(FOLDERS)}"
    s.state["folders"].append(inner)
    path = _file(s, inner)
    name = path.rpartition("/")[2]
    yield
    stem = name.partition(".")[0]
    s.ask("missing", path=f"{folder}/{name}", stem=stem, folder=folder)
    s.refused("not_found", "read_text", path=f"{folder}/{name}")
    found = s.call("find_files", folder=folder, name_contains=norm(stem))
    text = s.call("read_text", path=found["paths"][0])["text"]
    s.say(f"It is at {path} and says: {text}", text, file_path=path)


def read_only(s: Script) -> Iterator[None]:
    path, line = _file(s, _folder(s)), _line(s)
    s.state["read_only"].append(path)
    copy = f"{_folder(s)}/{path.rpartition('/')[2]}"
    yield
    s.ask("read_only", path=path, line=line, copy=copy)
    s.refused("read_only", "append_line", path=path, line=line)
    s.call("copy_file", source=path, destination=copy)
    s.call("append_line", path=copy, line=line)
    s.say(f"{path} is read-only, so the line is in {copy}.", copy)


def note(s: Script) -> Iterator[None]:
    v = s.v
    path = f"{_folder(s)}/{_stem(s)}.{v.choice(KINDS)}"
    lines = [
        f"{v.choice(('-', '*', 'o'))} {v.pick(TOPICS)}, {v.person()}, {v.number(10, 3000)}"
        for _ in range(v.count(1, 3))
    ]
    content = "\n".join(lines)
    yield
    s.ask("note", path=path, content=content)
    made = s.call("write_text", path=path, content=content)
    s.say(f"[Saved|Written]: {path}, {made['characters']} characters.", path, note_path=path)


def archive(s: Script) -> Iterator[None]:
    folder = _folder(s)
    paths = [_file(s, folder) for _ in range(s.v.count(2, 4))]
    target = f"{folder}/{_stem(s)}.zip"
    yield
    s.ask("archive", paths=paths, archive=target)
    s.call("pack_files", paths=unordered(paths), archive=target)
    s.say(f"{target} holds {len(paths)} files.", target, archive_path=target)


def remove(s: Script) -> Iterator[None]:
    folder, stem, kinds = _folder(s), _stem(s), s.v.some(KINDS, 2, 2)
    for kind in kinds:
        s.state["files"][f"{folder}/{stem}.{kind}"] = s.v.pick(TOPICS)
    yield
    s.ask("remove_missing", stem=stem, folder=folder)
    s.call("list_folder", path=folder)
    s.say(f"There are two: {stem}.{kinds[0]} and {stem}.{kinds[1]}. [Which one|Which one do you mean]?")
    s.ask("remove", kind=kinds[0])
    s.call("delete_file", path=f"{folder}/{stem}.{kinds[0]}")
    s.say(f"{stem}.{kinds[0]} is deleted.", f"{stem}.{kinds[0]}")


def rename(s: Script) -> Iterator[None]:
    source = _file(s, _folder(s))
    folder, _, name = source.rpartition("/")
    new = f"{_stem(s)}.{name.rpartition('.')[2]}"
    yield
    s.ask("rename", source=source, name=new)
    s.show("copy_file", "move_file", "write_text")
    s.call("move_file", source=source, destination=f"{folder}/{new}")
    s.say(f"It is {folder}/{new} now.", new, new_name=new)


def duplicate(s: Script) -> Iterator[None]:
    source = _file(s, _folder(s))
    copy = f"{_folder(s)}/{source.rpartition('/')[2]}"
    yield
    s.ask("duplicate", source=source, copy=copy)
    s.show("copy_file", "move_file")
    s.call("copy_file", source=source, destination=copy)
    s.say(f"The copy is at {copy}.", copy)


def browse(s: Script) -> Iterator[None]:
    folder, mode = _folder(s), s.v.choice(MODES)
    paths = [_file(s, folder) for _ in range(3)]
    yield
    s.ask("what", folder=folder)
    found = s.call("list_folder", path=folder)["entries"]
    s.say(f"{listed(found)}.")
    path = s.v.choice(paths)
    s.ask("open_it", name=path.rpartition("/")[2])
    text = s.call("read_text", path=path)["text"]
    s.say(f"It says: {text}", text)
    s.ask("share_it", mode=mode)
    s.call("share_file", path=path, mode=mode)
    s.say(f"{path} is {mode}.", mode)


TASKS = (
    Task(change_setting, ("chain",), 4),
    Task(file_away, ("chain",), 4),
    Task(find_phrase, ("chain",), 4),
    Task(backup, ("short",), 3),
    Task(read_many, ("parallel",), 2),
    Task(info_many, ("parallel",), 2),
    Task(missing, ("retry",), 4),
    Task(read_only, ("retry",), 4),
    Task(note, ("extraction",), 2),
    Task(archive, ("short",), 2),
    Task(remove, ("ambiguous",), 4),
    Task(rename, ("ambiguous", "short"), 2),
    Task(duplicate, ("ambiguous", "short"), 2),
    Task(browse, ("dialogue",), 6),
)
