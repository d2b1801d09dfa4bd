"""The layout of displif.h: the offsets that its comments draw."""

import ctypes

from app.xen.abi import displif


def test_requests_responses_and_events_are_64_bytes() -> None:
    assert ctypes.sizeof(displif.xendispl_req) == 64
    assert ctypes.sizeof(displif.xendispl_resp) == 64
    assert ctypes.sizeof(displif.xendispl_evt) == 64
    assert ctypes.sizeof(displif.xendispl_event_page) == 64


def test_the_body_of_a_request_begins_at_8() -> None:
    assert displif.xendispl_req.op.offset == 8
    create = displif.xendispl_dbuf_create_req
    assert [getattr(create, name).offset for name, _ in create._fields_] == [0, 8, 12, 16, 20, 24, 28, 32]
    attach = displif.xendispl_fb_attach_req
    assert [getattr(attach, name).offset for name, _ in attach._fields_] == [0, 8, 16, 20, 24]
    config = displif.xendispl_set_config_req
    assert [getattr(config, name).offset for name, _ in config._fields_] == [0, 8, 12, 16, 20, 24]


def test_a_response_has_its_status_at_4_and_its_body_at_8() -> None:
    assert displif.xendispl_resp.status.offset == 4
    assert displif.xendispl_resp.op.offset == 8


def test_a_page_holds_32_requests_or_63_events_or_1023_references() -> None:
    assert displif.XEN_DISPLIF_RING_SIZE == 32
    assert displif.XENDISPL_IN_RING_LEN == 63
    assert displif.XENDISPL_DIRECTORY_REFS == 1023
