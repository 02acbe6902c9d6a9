#include "simulator/multipart.hpp"

#include <catch2/catch.hpp>

using simulator::form_parts;

TEST_CASE("the parts of a form keep their bytes, and files lose their folders", "[multipart]") {
    const std::string body =
        "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"../a.png\"\r\n"
        "Content-Type: image/png\r\n\r\nP\r\nNG\r\n"
        "--x\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\ninput\r\n--x--\r\n";
    const auto parts = form_parts("multipart/form-data; boundary=x", body);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].filename == "a.png");
    CHECK(parts[0].body == "P\r\nNG");
    CHECK(parts[1].name == "type");
    CHECK(parts[1].filename.empty());
    CHECK(parts[1].body == "input");
}

TEST_CASE("what is no form has no parts", "[multipart]") {
    CHECK(form_parts("application/json", "{}").empty());
    CHECK(form_parts("multipart/form-data; boundary=x", "--x\r\ncut off").empty());
}
