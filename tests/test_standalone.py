"""Which sentences a stranger understands who reads nothing else, and which lean on their page."""

from __future__ import annotations

import pytest

from dlm_core.standalone import standalone

GOOD = """
A kind of knowledge to be considered early is acquaintance by memory.
A module that wants a hook to be called needs to do two things.
Light is described in Genesis as the first thing that was made.
A star that collapses under its own weight becomes a dense object, called a neutron star.
Except for fatty fish like salmon, vitamin D is not found naturally in many foods.
To reach its host, the virus needs a vector that carries it through the air.
Vitamin D and vitamin K are soluble in fat and are stored in the liver.
One mole contains as many particles as there are atoms in twelve grams of carbon.
One hundred years later, there were about 120 million people in the country.
One unintended benefit of records is that mistakes can be found and forgotten.
If ice is a solid below zero degrees, water is a liquid above it.
Freud, a physician, thought that memories can be repressed by the mind.
The hippocampus is affected by stress.
Both men and women take part in the vote of the town.
Both the speed and the cost of a network matter to those who use it.
Both classical and operant conditioning are forms of associative learning.
In addition to ATP, the Krebs cycle produces molecules that carry energy to where oxygen is used.
When World War I did end, the borders of Europe were drawn anew.
During periods of economic growth, unemployment tends to be lower.
The price of copper rises when mines close in the south.
Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.
The heart pumps about five liters of blood through the body every minute.
In 1918, the Japanese astronomer Kiyotsugu Hirayama found that some asteroids fall into families.
A semaphore manages an internal counter which is decremented by each acquire() call.
When a task is cancelled, asyncio.CancelledError will be raised in the task at the next opportunity.
asyncio.wait_for() raises TimeoutError if the wait takes too long.
Masked diffusion language models predict every hidden token of a sentence in parallel.
GDP includes production that is exchanged in the market, but it does not cover unpaid work.
Although lithium is light, it stores a lot of energy.
Instead of copying whole files, rsync sends only the parts that changed.
The U.S. antitrust laws reach beyond blocking mergers that would reduce competition.
Van Allen discovered a belt of charged particles around Earth, and these belts now bear his name.
There are three main types of awaitable objects: coroutines, tasks, and futures.
People who sleep less than six hours a night make more mistakes at work.
Marie Curie won the Nobel Prize twice, and she shared the first one with her husband.
Open clusters are found in the disk of the Galaxy.
Rainfall in the region exceeded 2,000 millimeters in 2011.
In 133 BCE, Tiberius Gracchus proposed a law after his election by the people of Rome.
If the price of copper rises, then firms open mines in the mountains.
Nobody in the town of Copenhagen could say in 1910 how large an atom is.
Many developed countries have a system of schools that the state pays for.
Inspired by the idea of learning to align, Bahdanau proposed an attention model without a limit.
There is one rule for all of them: Nobody may enter the room before the test has ended.
Much larger stars than the Sun end their lives in an explosion that leaves a black hole.
Vasopressin is another name for the hormone that controls how much water the kidneys keep.
About 20 percent of the blood enters the kidneys to be filtered.
Chapters of the society were founded in every state of the country by 1900.
With several tasks, an event loop runs each of them in turn until it waits.
The memory manager, which holds a private heap, has to allocate memory for every object of the program.
A raw allocator ensures that there is enough room to store data by interacting with the system.
To treat people as ends means respecting them as rational agents.
To cut costs, the firm closed a factory in the north of the country.
Mercury – the planet closest to the Sun – has no moons at all.
Improved tools make reviews faster for everybody in the team.
"""


BAD = """
Both systems function and fail alike when the pressure falls.
Both methods are based on the distance between the points.
Both strong and flexible, it is found in the rib cage and nose.
In addition to these assumptions, the model does not explain why metals shine.
In addition to the Legionnaires, a city bus driver was ill.
Since the early 1980’s I have been developing software for quantile regression in R.
One package that I know of takes the easy road and uses the cumulative hazard.
The name of the index to be created.
Annotates each object in the set with the list of expressions that was provided.
Packages can break others, and what that means is described in Packages which break other packages.
If database zDb is the name of an attached database that is not in the mode, an error is returned.
Beginning with version 3.31.0 the input F parameter can be the name of a journal file.
A mechanism by which large attributes of a row are split and stored in a second table, called the TOAST table.
Except, single-thread mode cannot be overridden once selected.
Instructions for configuring or using the package should not be included.
WHEREAS, Company and Hwaci each wish the library to be supported and maintained by the community.
The different stages of sleep will be identified, and sleep disorders will be described.
The hypnogram below shows a person’s passage through the stages of sleep.
Pod Q is running on another Node in the same Zone as Node N.
One gives positions of 120,000 stars to an accuracy of one-thousandth of an arcsecond.
To measure their distances requires a very large baseline and precise measurements.
According to the newer view, the threats from Europe made the rulers change their ways.
Logger objects have a threefold job.
Picture the solar nebula at the end of the collapse phase, when it was at its hottest.
Enables tracking of function call counts and of the time that was used.
Azure Monitor - Umbrella of services including system metrics and log analytics.
Mob – A member of the mob who spent less time at the keyboard performs the review.
To make results of research openly available as a public good, since research is often publicly funded.
Improve code quality by identifying and removing defects before they are introduced.
When stars finally begin to form within the cloud, they heat the grains.
Because wages are sticky downward, they do not adjust toward what would have been the new equilibrium wage.
The star now has a layered structure like that of an onion.
If aw is a coroutine it is automatically scheduled as a Task.
The deadline is a float, consistent with the time returned by loop.time().
Cynthia, a psychologist, recalls a time when she made the error of absentmindedness.
An asynchronous context manager that limits time spent inside of it.
The hippocampus is usually affected.
The star’s situation is analogous to the end of the main-sequence stage.
Futures that are not done when the timeout occurs are simply returned in the second set.
The first time any of the tasks belonging to the group fails, the remaining tasks are cancelled.
While the block with make_request() might get cancelled due to the timeout, the rest should continue.
On the H–R diagram, the star therefore leaves the main sequence.
Dealing with the natural rate of unemployment is trickier.
The natural rate of unemployment rises.
DiffResearch goes further by refining a whole review in parallel.
This approach works well in most cases.
It was later changed by the council.
These results show that the method is slow.
However, the price of copper fell in 2009.
For example, a cat can see in the dark.
The former is used in most countries today.
Such changes are rare in the northern part of the country.
The following methods are part of the class.
The steps of the process are as follows.
As noted earlier, rivers carry sand to the sea.
Figure 3 shows the growth of the town.
The growth of the town (Figure 3) slowed after the war.
The code above opens a file and reads it.
See the manual for more about locks.
Return a task that wraps the coroutine.
Returns the number of bytes in the file.
Raises TimeoutError if the wait takes too long.
Changed in version 3.10: Removed the loop parameter.
New in version 3.7 of the Python library.
Deprecated since version 3.8, will be removed soon.
Added in 2.4 as a part of the package.
If given, the name must be a valid string.
If the timeout is reached, the function raises an error.
You can cancel a task with its cancel method.
We found that most rivers in Europe are polluted.
Our sample had many more women than men.
Click the button to save the changes to disk.
What do cells need in order to divide?
The heart has four rooms:
a list item without a capital letter goes here.
Too short here.
The value of the sum is x = y + 2 for all cases.
In addition, most firms hire in the spring.
The height (in meters of the tower was measured twice.
Scientists call this process photosynthesis.
Without trade, they would have to make it all.
When it is heated, the metal grows longer.
He moved to Paris in the spring of 1890.
Wages rose by 3% and 5%, respectively.
Also known as the long winter in the north.
The prices of corn, however, fell in the same year.
The second type is more common in the south.
Another way to store data is a plain file.
A type of cell that is found in the brain.
Exit status of the child process after the call.
The result is stored in a file on the disk.
Plants need light here to grow well.
Learn more about rivers and lakes on our site.
Consider a firm that sells bread and butter.
Le chat est sur la table et il ne veut pas descendre.
The size_hint of max_length is used when it is set.
asyncio.wait(aws, timeout=None) waits for many tasks at once.
Visit https://example.org to get the whole report.
In this chapter, the main idea is the cell.
The two are often mixed up by new students.
Maria buys three apples at the market for two dollars.
At the start of the century, the older population was putting an end to that trend.
In 2010, that group was older than any group before the war.
A task group is a newer alternative that waits for many tasks.
The leftover material is heated by the winds of hot stars.
Shortly thereafter, the planets cooled and began to assume their present aspects.
The direction of the arrows indicates whether the shifts represent an increase in demand.
The JSON document being parsed.
Use Issuer Identification Number lookups to validate the card number as the user enters it.
With a better understanding of the bug, correct the error in the Reverse function.
One effect might be a reduction in the ozone layer near the poles.
A partial phase follows, during which more and more of the Sun is covered by the Moon.
Starting with Python 3.4, it is included by default with the binary installers.
The exact mechanism is an internal implementation detail.
Previously, life had to make do with sources of chemical energy.
The public or private nature of the responses: When responses are made publicly, conformity is more likely.
The bill never passed, but other presidents have also been accused of trying similar moves.
As the Jackson and Lincoln stories indicate, presidents may simply ignore decisions of the Court.
The chapter on normative moral theory provides a framework for the philosophy of duty.
Approximately 20 percent or one liter enters the kidneys to be filtered.
In 133 BCE, as a tribune, he proposed a law to distribute public land to landless Romans.
Rome then dissolved the monarchy in Macedon.
Convinced he was assuming too much support, the Senate declared a state of emergency.
The Republic was ruled by the upper classes, and the brothers had challenged the control of the elite.
The shape of the Transformer encoder output is.
Inspired by the idea of learning to align, proposed a differentiable attention model without a limit.
In the following, two layers of multi-head attention weights are presented row by row.
The disadvantage is that strict MVCC semantics are violated.
The course will get into more detail on ownership in day 3.
The principle of a single owner is a similar idea.
Many mentioned that the lack of specific support is most apparent to those who come from another language.
In serial.go, the implementation uses no concurrency and simply reads each file.
Something the claimant possesses and controls that is used to authenticate the identity of the claimant.
Coupon payment: This refers to the regular interest payment on the bond.
Alternate hypothesis Ha: The population correlation coefficient is different from zero.
The p-value is 0.026 (from a calculator or from computer software).
The calculated test statistic for the p-value is –2.08.
By contrasts, many people with lower incomes receive less education.
Much larger impacts can disturb the ecological balance of the entire planet.
An even greater mass extinction is underway as a result of rapid climate change.
The composition of the planets gives another clue about the origins of the solar system.
Counseling psychology is a similar discipline that focuses on emotional outcomes in individuals.
The Schachter-Singer theory of emotion is another variation on theories that takes both into account.
With multiple iterables, the iterator stops when the shortest iterable is exhausted.
On the next call to the generator’s __next__() method, the function will resume executing.
Start tracing Python memory allocations: install hooks on Python memory allocators.
The Python memory manager is involved only in the allocation of the bytes object returned as a result.
The requested memory, filled with copies of PYMEM_CLEANBYTE, used to catch reference to uninitialized memory.
"""


@pytest.mark.parametrize("sentence", GOOD.strip().split("\n"))
def test_stands_alone(sentence: str) -> None:
    assert standalone(sentence) == ""


@pytest.mark.parametrize("sentence", BAD.strip().split("\n"))
def test_does_not_stand_alone(sentence: str) -> None:
    assert standalone(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Different parts of them, such as the time and the smells, are stored in different places.",
        "The elements built up during a star’s life are recycled into space by the explosion.",
        "The energy of the outflowing matter is quickly absorbed by atomic nuclei.",
        "The new layer reaches a temperature at which fusion begins.",
        "Farther out in the star, there is also a shell where fresh hydrogen fuses to helium.",
        "Near the coast, there are also dunes that the wind moves every winter.",
    ],
)
def test_what_it_compares_with_is_named_elsewhere(sentence: str) -> None:
    assert standalone(sentence)


def test_a_place_that_is_named_needs_no_other_sentence() -> None:
    assert standalone("Farther from the Sun, the planets are cold balls of ice and gas.") == ""
    assert standalone("The core of a star heats the gas around it for ten million years.") == ""
    assert standalone("Stars of many kinds shed gas into the space around them.") == ""


def test_that_noun_may_be_named_in_the_sentence_itself() -> None:
    assert standalone("Whether an act is deviant depends on how a society responds to that act.") == ""


def test_length_limits() -> None:
    assert standalone("Cells divide very often.") == "under 5 words"
    assert standalone("Cells " + "very " * 60 + "often divide.") == "over 60 words"


def test_what_one_can_consider_is_said_to_the_reader() -> None:
    assert standalone("One cannot really consider long-term memory without thinking about the way it is organized.")
    assert not standalone("Long-term memory cannot be understood without the way it is organized.")


def test_who_he_is_and_which_four_they_are_is_said_elsewhere() -> None:
    assert standalone("Despite his efforts to help, his response to the crisis left Americans angry.")
    assert not standalone("Despite the efforts of Hoover, his response to the crisis left Americans angry.")
    assert standalone("Price skimming has four important advantages.")
    assert not standalone("Price skimming has four important advantages over leader pricing.")
    assert standalone("Most notably, the American Liberty League labeled the act as fascist.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Censorship efforts began in all combatant nations in 1914.",
        "Antislavery advocates differed from the abolitionists.",
        "The disaster led to a protest in Bangladesh.",
        "Philo served as ambassador to the emperor.",
        "The iris in the eye dilates and constricts.",
        "A masked diffusion model revises text by masking words.",
        "Responsibility, when practiced in good faith, is beneficial to corporations.",
        "The sum of money for which the receipts are expired must be small.",
    ],
)
def test_a_verb_is_found_before_a_preposition_and_after_a_clause(sentence: str) -> None:
    assert standalone(sentence) == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "Data collected in rural districts by the bureau.",
        "A value used in security protocols by the server.",
        "Removed mail as a channel for secrets.",
        "When describing a person, suggests a tantrum.",
        "Confirm that the license is on the list.",
        "Mitigate the risks of leakage by rotating keys.",
        "Default network type for external networks when no provider is named.",
        "Strive to achieve a balance while collecting results.",
        "There are additional resources for installing pip.",
        "To facilitate collaboration and increase the impact and quality of scientific research.",
        "Finalised data: data that is ready to be shared in a repository.",
        "Comprehensive information on data is available in the chapter Research Data Management.",
        "The Qing government refused, and the British navy bombarded the coast.",
        "Falls of Earth’s shadow on the Moon are called lunar eclipses and are discussed in Eclipses of the Sun.",
        "Editor’s note: Zach leads the documentation team of Kubernetes.",
        "Today’s guest post is written by an engineer of the company, who shares how it scales.",
    ],
)
def test_a_fragment_or_an_order_is_still_no_statement(sentence: str) -> None:
    assert standalone(sentence)
