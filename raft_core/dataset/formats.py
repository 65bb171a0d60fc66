"""The formats of data sets, as the official code (ShishirPatil/gorilla, raft/format.py) writes them.

    raft        {"id", "type", "question", "context": {"title": [[…]], "sentences": [[…]]},
                 "oracle_context", "cot_answer", "instruction"}
    completion  {"prompt": instruction, "completion": cot_answer}
    chat        {"messages": [{"role": "user", "content": instruction}, {"role": "assistant", "content": cot_answer}]}
    eval        {"question", "gold_final_answer", "context": the instruction without its question}

The official completion ends in `<STOP>`; ours does not (trainers add their own end token), and reading drops it.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from raft_core.files import to_json, write_bytes, write_text
from raft_core.prompts import instruction
from raft_core.records import RaftExample

Format = Literal["raft", "completion", "chat", "eval"]
FileType = Literal["jsonl", "parquet"]


def to_row(example: RaftExample, form: Format) -> dict[str, object]:
    """Return a row in one of the official formats."""
    prompt = instruction(example.question, example.documents)
    match form:
        case "completion":
            return {"prompt": prompt, "completion": example.cot_answer}
        case "chat":
            said = (("user", prompt), ("assistant", example.cot_answer))
            return {"messages": [{"role": role, "content": content} for role, content in said]}
        case "eval":
            context = instruction("", example.documents).removesuffix("\n")
            return {"question": example.question, "gold_final_answer": example.answer, "context": context}
    return {
        "id": example.id,
        "type": example.type,
        "question": example.question,
        "context": {"title": [list(example.titles)], "sentences": [list(example.documents)]},
        "oracle_context": example.oracle_context,
        "cot_answer": example.cot_answer,
        "instruction": prompt,
    }


def export(examples: Sequence[RaftExample], form: Format, file_type: FileType, out: Path) -> None:
    """Write rows to a file.

    Raises:
        StorageError: the disk is full or not writable.
    """
    rows = [to_row(example, form) for example in examples]
    if file_type == "jsonl":
        write_text(out, "".join(to_json(row) + "\n" for row in rows))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    write_bytes(out, buffer.getvalue())
