import math

import pytest

from judge.page.figures import Shares, Table


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (1.5, 0.0, -0.5), (math.nan, 0.5, 0.5)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="sum to 1"):
        Shares(*shares)


def test_a_row_with_a_cell_too_few_is_refused():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table(("", "known"), [("SFT",)])
