"""PrefLib files in."""

import gzip
from pathlib import Path

import pytest

from rlchf.io import (
    read_election,
    read_rankings,
)
from tests.support.files import ELECTION, Write, ranks


def test_a_preflib_order_is_one_ballot_however_many_gave_it(write: Write) -> None:
    rankings = read_rankings(write("drinks.toi", ELECTION))
    assert rankings.prompt_ids == ["drinks"]
    assert rankings.responses("drinks") == ["1", "2", "3", "4"]
    assert rankings.ballot_counts.tolist() == [3_000_000, 7, 2]
    assert rankings.ballot_weights.tolist() == [3_000_000.0, 7.0, 2.0]
    assert rankings.annotator_ids == ["drinks/order 1", "drinks/order 2", "drinks/order 3"]
    assert ranks(rankings) == [[2, 1, 2, 0], [1, 0, 0, 0], [2, 0, 1, 0]]
    last = read_rankings(write("drinks.toi", ELECTION), unranked="last")
    assert ranks(last) == [[2, 1, 2, 3], [1, 2, 2, 2], [2, 3, 1, 3]]


def test_names_of_preflib_alternatives_are_kept_with_their_colons(write: Write) -> None:
    election = read_election(write("drinks.toi", ELECTION.replace("\n", "\r\n")))
    assert election.alternatives == ["Tea: green, with ñ", "Coffee", "Coffee", "Water"]
    assert election.lines == [9, 10, 11]


def test_preflib_alternatives_keep_their_numbers_order(write: Write) -> None:
    numbers = [str(i) for i in range(1, 13)]
    text = f"# NUMBER ALTERNATIVES: 12\n1: {','.join(reversed(numbers))}\n"
    rankings = read_rankings(write("many.soc", text))
    assert rankings.responses("many") == numbers
    assert ranks(rankings) == [list(range(12, 0, -1))]


def test_preflib_categories_are_levels(write: Write) -> None:
    text = "# NUMBER ALTERNATIVES: 3\n# NUMBER CATEGORIES: 3\n2: {1,3},{},2\n1: {},{},{1,2,3}\n"
    assert ranks(read_rankings(write("yes-no.cat", text))) == [[1, 2, 1], [1, 1, 1]]


def test_a_folder_of_preflib_files_is_a_dataset(write: Write, tmp_path: Path) -> None:
    write("b.soc", "# NUMBER ALTERNATIVES: 2\n3: 2,1\n")
    write("a.toi.gz", gzip.compress(ELECTION.encode()))
    write("info.txt", "not an election")
    rankings = read_rankings(tmp_path)
    assert rankings.prompt_ids == ["a", "b"]
    assert rankings.responses("b") == ["1", "2"]
    assert rankings.ballot_starts.tolist() == [0, 3, 4]
    assert len(set(rankings.annotator_ids)) == 4
    write("c.soc", "# NUMBER ALTERNATIVES: 2\n3: 2,1\n1: 2,7\n")
    with pytest.raises(ValueError, match=r"c.soc, line 3: there is no alternative 7"):
        read_rankings(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7: 1\n", "7: one\n", r"line 10: cannot parse '7: one'; write an order such as '5: 1,\{2"),
        ("7: 1\n", "7: 1,\n", "line 10: cannot parse '7: 1,'"),
        ("7: 1\n", "7: {1,2\n", "line 10: cannot parse"),
        ("7: 1\n", "7: {1,2}3\n", "line 10: cannot parse"),
        ("7: 1\n", "7: {1},\n", "line 10: cannot parse"),
        ("7: 1\n", "seven 1\n", "line 10: cannot parse"),
        ("7: 1\n", "7: 5\n", "line 10: there is no alternative 5; choose from 1 to 4"),
        ("7: 1\n", "7: 0\n", "line 10: there is no alternative 0; choose from 1 to 4"),
        ("7: 1\n", "7: {1,1}\n", "line 10: the order names alternative 1 twice; name it once"),
        ("7: 1\n", "7: {},{}\n", r"1 blank ballot \(line 10\); mend it, or leave it out"),
        ("7: 1\n", "6: 1\n", "the header counts 3000009 voters, the orders 3000008; fetch"),
        ("ATIVES: 4", "ATIVES: four", "NUMBER ALTERNATIVES is 'four'; give a whole number"),
        ("# NUMBER ALT", "# NUMBER OF ALT", "there is no line '# NUMBER ALTERNATIVES"),
        (ELECTION[ELECTION.index("3000000:") :], "", "there is no order in it"),
        ("ñ", "\udcf1", r"line 5: not UTF-8 \(byte 0xf1\); save the file as UTF-8"),
    ],
)
def test_a_preflib_file_is_refused(write: Write, old: str, new: str, message: str) -> None:
    text = ELECTION.replace(old, new)
    assert text != ELECTION
    path = write("drinks.toi", text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"drinks\.toi(, |: )" + message):
        read_rankings(path)


def test_the_format_before_2022_is_refused_with_a_hint(write: Write) -> None:
    with pytest.raises(ValueError, match="that PrefLib has had since 2022"):
        read_rankings(write("old.soc", "2\n1,Tea\n2,Coffee\n5,5,1\n5,1,2\n"))
