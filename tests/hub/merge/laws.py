"""Queries that say what is wrong with deliveries of several orders."""

from typing import Final

LINES: Final = """select o.external_id, l.order_id, l.line_no, l.sku, l.ordered, l.allocated, l.shipped, l.cancelled,
                  coalesce(sum(f.quantity - f.shipped - f.released), 0) as open, coalesce(sum(f.shipped), 0) as left,
                  coalesce((select sum(quantity) from parcel_line p
                            where (p.order_id, p.line_no) = (l.order_id, l.line_no)), 0) as parcelled
           from sales_order o join order_line l on l.order_id = o.id
           left join fulfilment_line f using (order_id, line_no)
           group by o.external_id, l.order_id, l.line_no"""
"""Each line with what its deliveries have open and shipped of it, and what parcels hold."""

STRANGERS: Final = """select count(*) as n from merge_member m join merge_member other using (group_id)
               join merge_recipient a on a.order_id = m.order_id join merge_recipient b on b.order_id = other.order_id
               join fulfilment_order f on (f.order_id, f.no) = (m.order_id, m.no)
               join fulfilment_order g on (g.order_id, g.no) = (other.order_id, other.no)
               join sales_order o on o.id = m.order_id join sales_order p on p.id = other.order_id
               where m.left_at is null and other.left_at is null
                 and (a.key <> b.key or o.phone_index <> p.phone_index
                      or (f.location, f.owner, f.courier) <> (g.location, g.owner, g.courier)
                      or (m.order_id = other.order_id and m.no <> other.no))"""
"""Pairs that are in one delivery and must not be: of two recipients, of two places or couriers, or of one order."""

OUTSIDERS: Final = """select count(*) as n from merge_member m join sales_order o on o.id = m.order_id
               where o.shop = 'app'"""
"""Members of the shop that never merges."""

LOST: Final = """select f.code from fulfilment_order f
          left join merge_member m on (m.order_id, m.no) = (f.order_id, f.no) and m.left_at is null
          left join merge_group g on g.id = m.group_id
          where f.negotiation = 'unsubmitted' and f.execution in ('open', 'scheduled')
            and (select count(*) from merge_wait w where (w.order_id, w.no) = (f.order_id, f.no))
              + (select count(*) from step s where s.flow = 'release_fulfilment' and s.state = 'pending'
                   and s.lane = 'fo:' || coalesce(g.code, f.code) || ':' || f.connection) <> 1"""
"""Documents that no warehouse has heard of, and that neither one window nor one release is to let go."""
