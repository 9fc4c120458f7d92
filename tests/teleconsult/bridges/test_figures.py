"""Figures of both processes behind one door."""


async def test_the_media_processs_figures_are_among_ours(calls):
    async with calls.http.get(calls.server.make_url("/metrics")) as answer:
        text = await answer.text()
        assert answer.status == 200
        assert answer.content_type == "text/plain"
    assert "media_codec_contexts 0" in text
    assert "media_up 1" in text
    assert "process_resident_memory_bytes" in text


async def test_without_a_media_process_the_door_still_answers(calls, monkeypatch):
    monkeypatch.setattr("teleconsult.bridges.places._PATIENCE_S", 0.1)
    await calls.stop_exchange()
    async with calls.http.get(calls.server.make_url("/metrics")) as answer:
        assert "media_up 0" in await answer.text()


async def test_strangers_from_elsewhere_learn_nothing(calls, monkeypatch):
    monkeypatch.setattr("teleconsult.bridges.figures._is_near", lambda address: False)
    status, _ = await calls.ask("GET", "/metrics")
    assert status == 404
    async with calls.http.get(
        calls.server.make_url("/metrics"), headers=await calls.bearer(calls.site.administrator)
    ) as answer:
        assert answer.status == 200
