import keyword

from suite.data.tensor_names import LONGEST, tensor_name


def test_columns_of_any_name_get_tensors_of_different_names() -> None:
    columns = ["self", "Self", "class", "a/b", "a b", "A B", "😀", "", "1", "x" * 300, "x" * 299 + "y", "name", "ä"]
    taken: set[str] = set()
    names = [tensor_name(column, taken) for column in columns]
    assert len(taken) == len(columns)
    assert names[:3] == ["column_self", "column_self_", "column_class"]
    assert all(name.isidentifier() and name.isascii() and not keyword.iskeyword(name) for name in names)
    assert max(map(len, names)) <= LONGEST + 1
