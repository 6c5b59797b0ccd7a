"""The line that a gift goes with: one answer for whoever gives it a source, holds it, or says what is missing."""

from typing import Final

GIFT_MAIN: Final = """
    with recursive main (no) as (
        select coalesce(
            (select nullif(pair.main_no, 0) from gift_decision d
             cross join lateral jsonb_to_recordset(d.lines) as pair (line_no bigint, main_no bigint)
             where d.order_id = one.order_id and pair.line_no = one.line_no),
            (select item.line_no from order_line item
             where item.order_id = one.order_id
               and coalesce(item.parent_no, item.line_no) < coalesce(one.parent_no, one.line_no)
               and not item.gift and item.kind <> 'bundle' and item.storage <> 'none'
             order by coalesce(item.parent_no, item.line_no) desc, item.line_no desc limit 1))
        union all
        select next.no from main cross join lateral (
            select came.line_no as no from order_line old
            join order_revision r on r.order_id = old.order_id
            cross join lateral jsonb_to_recordset(r.added) as new (line_no bigint, parts jsonb)
            join order_line came on came.order_id = r.order_id and new.line_no in (came.line_no, came.parent_no)
                                 and came.kind <> 'bundle' and came.storage <> 'none'
            where (old.order_id, old.line_no) = (one.order_id, main.no) and old.allocated + old.shipped = 0
              and new.parts ? main.no::text
            order by r.no, came.line_no limit 1) next)
    select max(no) from main"""
"""Of a gift `one`, a row with its order_id, line_no and parent_no: the line that it goes with, null for none.

It is the one that the hub gave it for, else the last item before it, where parts of a bundle stand where it does, as
`mains_of` has it. While nothing of that has a source or has left, it is what was taken in exchange for it, and so on;
each is numbered behind the one before. What is never sent is not followed. Ask it of gifts alone (`case when gift
then`): other lines then cost nothing.
"""
