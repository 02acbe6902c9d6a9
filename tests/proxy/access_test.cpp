// Keys: how they are hashed, how a request says them, what becomes of them.
#include <boost/asio.hpp>
#include <catch2/catch.hpp>

#include "proxy/access/hash.hpp"
#include "proxy/access/keys.hpp"
#include "proxy/access/password_check.hpp"
#include "proxy/access_log.hpp"
#include "proxy/traffic/forward.hpp"
#include "tests/proxy/lobby.hpp"

using namespace proxy;

namespace {

std::optional<Claim> said(const std::string& fields) {
    const auto text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    auto parsed = parse_request(text, HeadLimits{});
    return claim_of(std::get<RequestHead>(parsed));
}

PasswordCheck::Result checked(PasswordCheck& check, const manifest::KeyHash& hash,
                              const std::string& password) {
    asio::io_context io;
    auto result = PasswordCheck::Result::too_many;
    asio::co_spawn(
        io,
        [](PasswordCheck& by, manifest::KeyHash is, std::string word,
           PasswordCheck::Result& out) -> asio::awaitable<void> {
            out = co_await by.check(std::move(is), std::move(word));
        }(check, hash, password, result),
        asio::detached);
    io.run();
    return result;
}

}  // namespace

TEST_CASE("a hash fits its own secret and no other", "[access]") {
    const auto key = new_key();
    CHECK(key.size() == 68);
    CHECK(key != new_key());
    const auto of_key = manifest::parse_key_hash(hash_of_key(key));
    REQUIRE(of_key);
    CHECK(fits(*of_key, key));
    CHECK_FALSE(fits(*of_key, key + "x"));
    CHECK_FALSE(fits(*of_key, ""));
    const auto text = hash_of_password("open sesame");
    CHECK(text != hash_of_password("open sesame"));  // salted
    const auto of_password = manifest::parse_key_hash(text);
    REQUIRE(of_password);
    CHECK(fits(*of_password, "open sesame"));
    CHECK_FALSE(fits(*of_password, "open Sesame"));
}

TEST_CASE("scrypt is RFC 7914's", "[access]") {
    const auto hash = manifest::parse_key_hash(  // section 12: "pleaseletmein", 16384, 8, 1; its first half
        "scrypt:14:8:1:536f6469756d43686c6f72696465:"
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
    REQUIRE(hash);
    CHECK(fits(*hash, "pleaseletmein"));
}

TEST_CASE("what is no hash is none", "[access]") {
    const std::string digest(64, 'a'), salt(32, 'b');
    CHECK(manifest::parse_key_hash("sha256:" + digest));
    CHECK(manifest::parse_key_hash("scrypt:14:8:1:" + salt + ":" + digest));
    for (const auto& text :
         {std::string("sha256:abc"), std::string("my password"), std::string(), "md5:" + digest,
          "sha256:" + std::string(64, 'g'), "sha256:" + digest + ":" + digest,
          "scrypt:30:8:1:" + salt + ":" + digest, "scrypt:14:8:1::" + digest,
          "scrypt:14:0:1:" + salt + ":" + digest, "scrypt:x:8:1:" + salt + ":" + digest})
        CHECK_FALSE(manifest::parse_key_hash(text));
}

TEST_CASE("a request says its key in one of three fields, once", "[access]") {
    CHECK(said("Authorization: Bearer abc\r\n")->secret == "abc");
    CHECK(said("authorization: bEARER   abc\r\n")->secret == "abc");
    CHECK(said("X-API-Key: abc\r\n")->secret == "abc");
    const auto basic = said("Authorization: Basic YW5uYTpvcGVuOnNlc2FtZQ==\r\n");
    REQUIRE(basic);
    CHECK(basic->user == "anna");
    CHECK(basic->secret == "open:sesame");
    for (const char* fields :
         {"", "Authorization: Bearer\r\n", "Authorization: Digest abc\r\n", "Authorization: Basic ****\r\n",
          "Authorization: Basic YW5uYQ==\r\n", "X-API-Key: a\r\nX-API-Key: a\r\n",
          "Authorization: Bearer a\r\nX-API-Key: b\r\n", "X-API-Key:\r\n", "Cookie: key=abc\r\n"})
        CHECK_FALSE(said(fields));
}

TEST_CASE("a key is found by itself, and with a name only under its own", "[access]") {
    const auto anna = new_key(), bob = new_key();
    manifest::AccessList list{"artists", false, {}};
    list.keys.push_back({"anna", hash_of_key(anna), 2, 5});
    list.keys.push_back({"bob", hash_of_key(bob), 0, 0});
    list.keys.push_back({"carl", hash_of_password("carl's"), 0, 0});
    const AccessKeys keys(list);
    CHECK(keys.find({{}, anna})->settings.name == "anna");
    CHECK(keys.find({{}, bob})->settings.name == "bob");
    CHECK(keys.find({"anna", anna})->settings.name == "anna");
    CHECK(keys.find({"bob", anna}) == nullptr);
    CHECK(keys.find({{}, "guess"}) == nullptr);
    CHECK(keys.find({{}, "carl's"}) == nullptr);
    CHECK(keys.with_password("carl")->settings.name == "carl");
    CHECK(keys.with_password("anna") == nullptr);
    CHECK(keys.with_password("") == nullptr);
    CHECK(keys.all()[0].id != keys.all()[1].id);
    CHECK(keys.all()[0].id == AccessKeys(list).all()[0].id);
}

TEST_CASE("a right password is worked on once, a wrong one each time", "[access]") {
    PasswordCheck check;
    const auto hash = *manifest::parse_key_hash(hash_of_password("right"));
    CHECK(checked(check, hash, "right") == PasswordCheck::Result::right);
    CHECK(checked(check, hash, "right") == PasswordCheck::Result::right);
    CHECK(check.checked() == 1);
    CHECK(checked(check, hash, "wrong") == PasswordCheck::Result::wrong);
    CHECK(checked(check, hash, "wrong") == PasswordCheck::Result::wrong);
    CHECK(check.checked() == 3);
    const auto changed = *manifest::parse_key_hash(hash_of_password("new"));
    CHECK(checked(check, changed, "right") == PasswordCheck::Result::wrong);
}

TEST_CASE("a key does not reach the pod unless that is asked for", "[access]") {
    auto parsed = parse_request(
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nX-API-Key: secret\r\nX-Other: "
        "1\r\n\r\n",
        HeadLimits{});
    const auto& head = std::get<RequestHead>(parsed);
    ToPod to;
    CHECK(request_for_pod(head, to).find("Authorization: Bearer secret") != std::string::npos);
    to.hide_keys = true;
    CHECK(request_for_pod(head, to).find("secret") == std::string::npos);
    CHECK(request_for_pod(head, to).find("X-Other: 1") != std::string::npos);
}

TEST_CASE("the log names the key, and without keys its lines are as they were", "[access]") {
    RequestRecord record;
    CHECK(json_line(record).find("\"key\"") == std::string::npos);
    record.key = "anna";
    CHECK(json_line(record).ends_with(R"("retries":0,"key":"anna"})"));
}

TEST_CASE("of a key as many wait as may, and no more; others still may", "[access]") {
    Lobby lobby;
    lobby.admit(1);
    Caller anna, bob;
    anna.key = router::Key(1), anna.key_waiting = 2;
    bob.key = router::Key(2), bob.key_waiting = 2;
    std::vector<Lease> leases;
    for (int i = 0; i < 4; ++i) leases.push_back(lobby.enter(anna));
    CHECK(leases[0].granted());
    CHECK_FALSE(leases[2].refused());
    CHECK(leases[3].refused() == Refusal::key_limit);
    auto other = lobby.enter(bob);
    CHECK_FALSE(other.refused());
    leases[0].release();
    lobby.settle();
    CHECK(other.granted());  // anna had her turn
}

TEST_CASE("without a bound of its own a key fills half of the queue at most", "[access]") {
    Lobby lobby;
    lobby.configure([](router::PoolSettings& s) { s.queue_depth = 4; });
    Caller anna;
    anna.key = router::Key(1);
    std::vector<Lease> leases;
    for (int i = 0; i < 3; ++i) leases.push_back(lobby.enter(anna));
    CHECK(leases[2].refused() == Refusal::key_limit);
    CHECK_FALSE(lobby.enter().refused());
}

TEST_CASE("the log tells the waiting page from a 503 that is a failure", "[access]") {
    RequestRecord record;
    record.status = 503, record.waiting_page = true;
    CHECK(json_line(record).find(R"("reason":"waiting_page")") != std::string::npos);
    CHECK(text_line(record).ends_with(" waiting_page"));
    record.refusal = Refusal::client_left;  // while it was written
    CHECK(json_line(record).find(R"("reason":"client_left")") != std::string::npos);
}
