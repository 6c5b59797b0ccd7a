"""Every table there is: importing this module fills the metadata that migrations are compared with."""

# pyright: reportUnusedImport=false

import hub.aftersale.table  # its tables
import hub.audience  # its tables
import hub.audit  # its tables
import hub.cases  # its tables
import hub.catalogue.table  # its tables
import hub.clients  # its tables
import hub.connections  # its tables
import hub.fulfilment.table  # its tables
import hub.fullness  # its tables
import hub.gates  # its tables
import hub.gift.table  # its tables
import hub.ids  # its tables
import hub.inbox_table  # its tables
import hub.inbox_try  # its tables
import hub.inventory.alert_table  # its tables
import hub.inventory.count_table  # its tables
import hub.inventory.lot_table  # its tables
import hub.inventory.offer_table  # its tables
import hub.inventory.reservation_table  # its tables
import hub.inventory.table  # its tables
import hub.inventory.verified_table  # its tables
import hub.merge.table  # its tables
import hub.order.change.link_table  # its tables
import hub.order.change.table  # its tables
import hub.order.table  # its tables
import hub.people  # its tables
import hub.polls  # its tables
import hub.replay_table  # its tables
import hub.review.table  # its tables
import hub.schedules  # its tables
import hub.sourcing.table  # its tables
import hub.steps  # its tables
import hub.subject  # its tables
import hub.tokens  # its tables
import hub.trials  # its tables
import hub.visits  # noqa: F401 # its tables
from hub.database import METADATA

__all__ = ["METADATA"]
