"""Every table, as SQLAlchemy + GeoAlchemy2 metadata, a module for each noun; ``migrations/`` creates these.

Three kinds of time: ``revisions`` (int4range) for what a publish changes as a whole, ``valid`` for when a
post or shift holds, ``recorded`` for when we knew it. Codes compare by bytes (``COLLATE "C"``), as law 1 asks.
"""

from gridmap.store.tables.access import api_key, role_right, session, territory_cell
from gridmap.store.tables.addresses import address, address_alias, address_name
from gridmap.store.tables.bands import area_band, cell_band, redrawn_box
from gridmap.store.tables.columns import MERCATOR_SRID, SRID, Code, metadata
from gridmap.store.tables.drafts import (
    draft,
    draft_approval,
    draft_certificate,
    draft_comment,
    draft_edit,
    draft_waiver,
    upcoming,
    upcoming_cell,
)
from gridmap.store.tables.duty import holder, notice, post, shift, shift_exception
from gridmap.store.tables.grid import (
    area,
    area_lineage,
    area_shape,
    cell,
    cell_id,
    city,
    data_version,
    hex_cover,
    line,
    lineage,
    outline,
    overlay,
    revision,
    worker,
)
from gridmap.store.tables.needs import break_glass, forgotten, forgotten_salt
from gridmap.store.tables.principles import (
    principle_figure,
    principle_finding,
    principle_measure,
    principle_offender,
)
from gridmap.store.tables.releases import release, release_cell, release_row, release_table
from gridmap.store.tables.subjects import (
    building,
    category,
    element,
    element_placement,
    element_shape,
    element_share,
    fact_change,
    incident,
    incident_placement,
    load,
    rejected_row,
)

__all__ = [
    "MERCATOR_SRID",
    "SRID",
    "Code",
    "address",
    "address_alias",
    "address_name",
    "api_key",
    "area",
    "area_band",
    "area_lineage",
    "area_shape",
    "break_glass",
    "building",
    "category",
    "cell",
    "cell_band",
    "cell_id",
    "city",
    "data_version",
    "draft",
    "draft_approval",
    "draft_certificate",
    "draft_comment",
    "draft_edit",
    "draft_waiver",
    "element",
    "element_placement",
    "element_shape",
    "element_share",
    "fact_change",
    "forgotten",
    "forgotten_salt",
    "hex_cover",
    "holder",
    "incident",
    "incident_placement",
    "line",
    "lineage",
    "load",
    "metadata",
    "notice",
    "outline",
    "overlay",
    "post",
    "principle_figure",
    "principle_finding",
    "principle_measure",
    "principle_offender",
    "redrawn_box",
    "rejected_row",
    "release",
    "release_cell",
    "release_row",
    "release_table",
    "revision",
    "role_right",
    "session",
    "shift",
    "shift_exception",
    "territory_cell",
    "upcoming",
    "upcoming_cell",
    "worker",
]
