"""Sub-questions: what each asks, and what its pronouns stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.splitting import PARTS, parts, topics

WORDS = (
    "How What Why Which when who how does do did is are was can will it they them its their this and and and , , of "
    "the in for to stars form die Go price use important each one much happens between ; ? é - x"
).split()


@pytest.mark.parametrize(
    ("question", "second"),
    [
        (
            "Which countries use nuclear power and what do they do with the waste?",
            "what do countries do with the waste",
        ),
        ("Which countries use nuclear power and how safe is it?", "how safe is nuclear power"),
        ("How many people speak Basque and where is it spoken?", "where is Basque spoken"),
        ("How much water does agriculture use and where does it come from?", "where does water come from"),
        ("How do lithium-ion batteries degrade and what is their life?", "what is lithium-ion batteries' life"),
        ("What is the role of the mitochondria and why do they have DNA?", "why do the mitochondria have DNA"),
        ("What is the evidence for dark matter and what is it made of?", "what is dark matter made of"),
        ("When should one use a B-tree index and what are its costs?", "what are a B-tree index's costs"),
        ("How does garbage collection in Go work and how do I tune it?", "how do I tune garbage collection in Go"),
        ("Who was Ada Lovelace and what did she write?", "what did Ada Lovelace write"),
        ("How is penicillin made and why is it used?", "why is penicillin used"),
        ("How does a price change affect demand and what limits it?", "what limits a price change"),
        ("What role does the Federal Reserve play and how is it run?", "how is the Federal Reserve run"),
        ("What happens to a star when it dies and why does it explode?", "why does a star explode"),
        ("How do bees make honey and how is it stored?", "how is honey stored"),
        ("What is quantitative easing and does it cause inflation?", "does quantitative easing cause inflation"),
        ("How did humans domesticate dogs and why?", "why did humans domesticate dogs"),
        ("How does the immune system recognise germs and remember them?", "how does the immune system remember germs"),
        ("How does Raft elect a leader and replicate a log?", "how does Raft replicate a log"),
        ("What is photosynthesis and why is it so important?", "why is photosynthesis so important"),
    ],
)
def test_a_sub_question_says_what_it_asks_about(question: str, second: str) -> None:
    assert parts(question)[1] == second


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (
            "What causes the phases of the Moon, ocean tides and eclipses?",
            ["What causes the phases of the Moon", "what causes ocean tides", "what causes eclipses"],
        ),
        (
            "How do tasks, timeouts and cancellation work in asyncio?",
            [
                "How do tasks work in asyncio",
                "how do timeouts work in asyncio",
                "how does cancellation work in asyncio",
            ],
        ),
        (
            "How do others influence us through conformity, obedience and persuasion?",
            [
                "How do others influence us through conformity",
                "how do others influence us through obedience",
                "how do others influence us through persuasion",
            ],
        ),
        (
            "What are the symptoms, causes and treatment of asthma?",
            ["What are the symptoms of asthma", "what are causes of asthma", "what is treatment of asthma"],
        ),
        (
            "How are proteins, fats, and carbohydrates digested?",
            ["How are proteins digested", "how are fats digested", "how are carbohydrates digested"],
        ),
    ],
)
def test_a_list_of_things_is_a_question_on_each(question: str, found: list[str]) -> None:
    assert list(parts(question)) == found


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("What is the difference between a Deployment and a StatefulSet?", ["is a Deployment", "is a StatefulSet"]),
        ("Monopoly vs. perfect competition", ["is Monopoly", "is perfect competition"]),
        ("How does mitosis differ from meiosis?", ["is mitosis", "is meiosis"]),
        ("How do plants and animals differ?", ["are plants", "are animals"]),
        ("How is TCP different from UDP?", ["is TCP", "is UDP"]),
        ("How does Kubernetes compare to Docker Swarm?", ["is Kubernetes", "is Docker Swarm"]),
        ("What distinguishes fusion from fission?", ["is fusion", "is fission"]),
        ("How can I tell apart a virus and a bacterium?", ["is a virus", "is a bacterium"]),
        (
            "Compare and contrast classical and operant conditioning.",
            ["is classical conditioning", "is operant conditioning"],
        ),
        ("Compare the economy of China with that of India.", ["is the economy of China", "is the economy of India"]),
        (
            "What is the difference between the speed of light and sound?",
            ["is the speed of light", "is the speed of sound"],
        ),
        ("What is the difference between weather and climate change?", ["is weather", "is climate change"]),
        ("What is the difference between TCP, UDP and QUIC?", ["is TCP", "is UDP", "is QUIC"]),
    ],
)
def test_what_is_compared_is_asked_about_as_a_whole_and_side_by_side(question: str, sides: list[str]) -> None:
    assert parts(question) == (question.rstrip("?."), *(f"what {side}" for side in sides))


@pytest.mark.parametrize(
    ("question", "second"),
    [
        ("What is CPU pinning and why is it hard to measure latency?", "why is it hard to measure latency"),
        ("How does a cell divide and how does this process end?", "how does this process end"),
        ("What happens in the brain during sleep and why do we need it?", "why do we need it"),
        ("Is tea healthy and what do they say of coffee?", "what do they say of coffee"),
    ],
)
def test_a_pronoun_stays_where_nobody_knows_what_it_stands_for(question: str, second: str) -> None:
    assert parts(question)[1] == second


@pytest.mark.parametrize(
    "question",
    [
        "How does exercise affect sleep and stress?",
        "How does trade affect wages and growth?",
        "What are the causes and consequences of desertification?",
        "Should companies use microservices or monoliths?",
        "How can I build a fast, cheap and reliable network?",
        "How do small, cheap and clean engines work?",
        "What is the difference between them?",
        "What comes from the sun?",
        "How did life change between 1900 and 1950?",
        "How did humans evolve from apes?",
        "Compare prices at different stores",
        "How do bees, birds and bats interact?",
        "Which of Rust, Go and Zig is best for servers?",
        "What are vitamins A, D and K needed for?",
        "When water freezes, why does it expand?",
        "If the Moon is locked to Earth, does it rotate?",
        "Why?",
        "and how?",
    ],
)
def test_a_question_that_is_one_stays_whole(question: str) -> None:
    assert parts(question) == (question,)


def test_each_is_each_of_what_was_named() -> None:
    found = parts("What are the stages of sleep and what happens in each?")
    assert found[1] == "what happens in each of the stages of sleep"
    assert (
        parts("What are viruses and bacteria and how is each treated?")[-1]
        == "how is each of viruses and bacteria treated"
    )
    types = "Which index types does PostgreSQL have and when {} useful?"
    assert parts(types.format("is each"))[1] == "when is each of the index types useful"
    assert parts(types.format("are they"))[1] == "when are index types useful"
    assert parts("What is sleep and what happens in each stage?")[1] == "what happens in each stage"
    assert parts("What is sleep and what happens in each?")[1] == "what happens in each"


def test_what_a_question_is_about_ends_before_its_verb() -> None:
    assert topics("What does vitamin D do in the body")[0] == "vitamin D"
    assert topics("How does the heart pump blood") == ["the heart", "blood"]
    assert topics("Why is it important to sleep") == []
    assert topics("How does public authority grow")[0] == "public authority"  # no "authorise"
    assert topics("How do enzymes help build proteins")[0] == "enzymes"


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=16).map(" ".join))
def test_any_words_have_parts(question: str) -> None:
    found = parts(question)
    assert 1 <= len(found) <= PARTS and all(part.strip() for part in found)
    assert parts(question) == found
