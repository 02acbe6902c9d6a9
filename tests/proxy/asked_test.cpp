// What the rules of classes look at.
#include "proxy/traffic/asked.hpp"

#include "heads.hpp"

using proxy::asked_by;

TEST_CASE("a request is asked by its method, path, query and Accept", "[asked]") {
    const auto head =
        request(lines({"GET /queue/data?session_hash=x?y HTTP/1.1", "Host: a", "Accept: text/event-stream"}));
    const auto asked = asked_by(head);
    CHECK(asked.method == "GET");
    CHECK(asked.path == "/queue/data");
    CHECK(asked.query == "session_hash=x?y");
    CHECK(asked.accept == "text/event-stream");
    CHECK(!asked.websocket);
    CHECK(!asked.bearer);
    CHECK(asked_by(request(lines({"GET /a HTTP/1.1", "Host: a"}))).query.empty());
}

TEST_CASE("a bearer token is seen, other credentials are not", "[asked]") {
    const auto bearer = [](std::string_view authorization) {
        return asked_by(request(lines({"POST /api/predict HTTP/1.1", "Host: a", authorization}))).bearer;
    };
    CHECK(bearer("Authorization: Bearer abc"));
    CHECK(bearer("authorization: bearer abc"));
    CHECK(!bearer("Authorization: Basic YTpi"));
    CHECK(!bearer("Authorization: Bearer"));
}
