#include "simulator/sse.hpp"

#include <catch2/catch.hpp>

using simulator::sse_event;

TEST_CASE("an event ends with an empty line and its name comes first", "[sse]") {
    CHECK(sse_event("{}") == "data: {}\n\n");
    CHECK(sse_event("[1]", "complete") == "event: complete\ndata: [1]\n\n");
}

TEST_CASE("each line of an event's data is a field of its own", "[sse]") {
    CHECK(sse_event("a\nb") == "data: a\ndata: b\n\n");
}
