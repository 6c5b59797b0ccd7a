import gc


def test_the_collector_leaves_alone_what_was_there_before_the_first_test() -> None:
    assert gc.get_freeze_count() > 0
