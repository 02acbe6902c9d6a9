#include "proxy/tls/file_watch.hpp"

#include <catch2/catch.hpp>

namespace {

using proxy::FileChanges;
using proxy::FileStamps;

FileStamps written_at(std::int64_t certificate, std::int64_t key) {
    return {{1, 1, 100, certificate, certificate}, {1, 2, 100, key, key}};
}

FileChanges made_of(const FileStamps& stamps) {
    FileChanges out;
    out.made_of(stamps);
    return out;
}

}  // namespace

TEST_CASE("files that stay as they were change nothing", "[tls]") {
    auto changes = made_of(written_at(1, 1));
    CHECK_FALSE(changes.look(written_at(1, 1)));
    CHECK_FALSE(changes.look(written_at(1, 1)));
}

TEST_CASE("a certificate and its key, written one after the other, are taken when both rest", "[tls]") {
    auto changes = made_of(written_at(1, 1));
    CHECK_FALSE(changes.look(written_at(2, 1)));
    CHECK_FALSE(changes.look(written_at(2, 3)));
    CHECK(changes.look(written_at(2, 3)));
}

TEST_CASE("files of which nothing can be made are tried once, and again when they change", "[tls]") {
    auto changes = made_of(written_at(1, 1));
    changes.look(written_at(2, 1));
    REQUIRE(changes.look(written_at(2, 1)));  // and made_of() was not told of it
    CHECK_FALSE(changes.look(written_at(2, 1)));
    CHECK_FALSE(changes.look(written_at(2, 4)));
    CHECK(changes.look(written_at(2, 4)));
}

TEST_CASE("a change while it was made is seen as one", "[tls]") {
    auto changes = made_of(written_at(1, 1));  // stamped before the files were read
    CHECK_FALSE(changes.look(written_at(1, 2)));
    CHECK(changes.look(written_at(1, 2)));
}
