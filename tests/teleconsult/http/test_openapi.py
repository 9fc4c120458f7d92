async def test_the_description_names_rights_bodies_and_problems(client):
    told = await (await client.get("/api/v1/openapi.json")).json()
    assert (told["openapi"], told["info"]["version"]) == ("3.1.0", "1.2.3")
    make = told["paths"]["/api/v1/things"]["post"]
    assert make["x-permission"] == "consult.create"
    assert make["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ThingBody"}
    assert {"201", "401", "403", "409", "422"} <= make["responses"].keys()
    assert [item["name"] for item in make["parameters"]] == ["Idempotency-Key"]
    find = told["paths"]["/api/v1/things"]["get"]
    assert {item["name"] for item in find["parameters"]} == {"q", "page"}
    assert told["paths"]["/api/v1/errors/{kind}"]["get"]["security"] == [{}]


async def test_pages_are_not_described(client):
    told = await (await client.get("/api/v1/openapi.json")).json()
    assert all(path.startswith("/api/") for path in told["paths"])


async def test_every_reference_of_the_description_leads_somewhere(client):
    told = await (await client.get("/api/v1/openapi.json")).json()

    def references(value):
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in references(told):
        assert reference.removeprefix("#/components/schemas/") in told["components"]["schemas"]
