"""HotpotQA for lm-evaluation-harness, asked as raftbot asks: `hotpotqa_raft` and `hotpotqa_rag`, and without
documents `hotpotqa_closed` and `hotpotqa_closed_raft`.

    lm_eval --include_path "$(raftbot eval task-path)" --tasks hotpotqa_raft,hotpotqa_rag \\
        --metadata '{"data": "hotpot_dev.json"}' --apply_chat_template --log_samples --output_path out …

Whoever answers:

    --model hf    --model_args pretrained=BASE,peft=ADAPTER,max_length=8192
    --model vllm  --model_args pretrained=BASE,lora_local_path=ADAPTER,max_lora_rank=64,max_model_len=8192
    --model local-chat-completions --model_args \\
        model=base,base_url=http://127.0.0.1:8000/v1/chat/completions,num_concurrent=16,max_length=32768

BASE and ADAPTER are folders: `raftbot models get NAME` prints a base's, and an adapter's is the `path`
that `raftbot train --json` prints. `data` names a file of questions in any layout that `raftbot eval` reads;
without it the variable RAFTBOT_EVAL_DATA does, and without that the hub's hotpotqa/hotpot_qa is taken. Give `max_length` to API
models: their default of 2048 tokens cuts the first documents off. vLLM takes adapters of rank 16 unless
`max_lora_rank` says more.
"""

from __future__ import annotations

import os
from typing import Any

from datasets import Dataset

from raft_core import prompts
from raft_core.evaluation.groups import score_reply
from raft_core.evaluation.questions import paragraphs, read_questions
from raft_core.markup import short_answer
from raft_core.openai.thoughts import split_thoughts
from raft_core.records import Question

HUB = "hotpotqa/hotpot_qa:distractor:validation"


def load(data: str = "", **_: object) -> dict[str, Dataset]:
    """Return the validation split, in the hub's columns; lm-eval passes its metadata as arguments."""
    source = data or os.environ.get("RAFTBOT_EVAL_DATA", "") or HUB
    return {"validation": Dataset.from_list([_to_row(question) for question in read_questions(source)])}


def raft_prompt(doc: dict[str, Any]) -> str:
    """Return the prompt that RAFT trains and serves with."""
    return _prompt("raft", doc)


def rag_prompt(doc: dict[str, Any]) -> str:
    """Return the write-up's plain RAG prompt."""
    return _prompt("rag", doc)


def closed_prompt(doc: dict[str, Any]) -> str:
    """Return the question without documents, as a plain prompt asks it."""
    return _prompt("closed", doc)


def closed_raft_prompt(doc: dict[str, Any]) -> str:
    """Return the question without documents, with the answer tag asked for."""
    return _prompt("closed_raft", doc)


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Score one answer by HotpotQA's official rules, the best of several right answers; `untagged` is 1 where the answer tag was missing.

    Thoughts are not scored: other model classes of lm-eval hand them over with the answer.
    """
    answer, tagged = short_answer(split_thoughts(results[0])[0])
    marks = score_reply(answer, [doc["answer"], *doc["answer_aliases"]])
    return {
        "em": marks.em,
        "f1": marks.f1,
        "prec": marks.prec,
        "recall": marks.recall,
        "untagged": float(not tagged),
    }


def _to_row(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "question": question.question,
        "answer": question.answer,
        "answer_aliases": list(question.aliases),
        "type": question.type,
        "context": {
            "title": [title for title, _ in question.context],
            "sentences": [list(sentences) for _, sentences in question.context],
        },
    }


def _prompt(name: str, doc: dict[str, Any]) -> str:
    context = tuple(zip(doc["context"]["title"], map(tuple, doc["context"]["sentences"]), strict=True))
    question = Question(doc["id"], doc["question"], doc["answer"], context)
    return prompts.render(name, question.question, paragraphs(question))
