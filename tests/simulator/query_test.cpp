#include "simulator/query.hpp"

#include <catch2/catch.hpp>

using namespace simulator;

TEST_CASE("a query's value is found by its whole name and decoded", "[query]") {
    CHECK(query_value("filename=a%20b%2Bc.png&type=temp", "filename") == "a b+c.png");
    CHECK(query_value("xtype=1&type=temp", "type") == "temp");
    CHECK(query_value("type=100%", "type") == "100%");
    CHECK(query_value("", "type").empty());
}

TEST_CASE("a page of somebody else may not reach a service on one's own machine", "[query]") {
    CHECK(is_foreign_origin("127.0.0.1:8188", "http://evil.example"));
    CHECK(is_foreign_origin("localhost:8188", "http://localhost:3000"));
    CHECK(is_foreign_origin("[::1]:8188", "http://evil.example"));
}

TEST_CASE("one's own page may, and so may everybody by a public name", "[query]") {
    CHECK_FALSE(is_foreign_origin("127.0.0.1:8188", "http://127.0.0.1:8188"));
    CHECK_FALSE(is_foreign_origin("LOCALHOST", "http://localhost"));
    CHECK_FALSE(is_foreign_origin("sd.example:80", "http://evil.example"));
    CHECK_FALSE(is_foreign_origin("127.0.0.1:8188", ""));
}
