// What a client can say within a connection of TLS that is no content: changes of keys without end, and one
// that is to be answered while nothing goes. A client of OpenSSL's and strings for wires.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>

#include "proxy/tls/session.hpp"

using namespace proxy;
using boost::system::error_code;

namespace {

// A certificate of its own, in files that are gone afterwards.
class Files {
public:
    Files()
        : folder_(std::filesystem::temp_directory_path() / ("tls-session-" + std::to_string(::getpid()))) {
        std::filesystem::create_directory(folder_);
        const OpenSsl<EVP_PKEY> key(EVP_EC_gen("P-256"));
        const OpenSsl<X509> certificate(X509_new());
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
        X509_set_pubkey(certificate.get(), key.get());
        X509_sign(certificate.get(), key.get(), EVP_sha256());
        write("a.key", [&](std::FILE* file) {
            return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
        write("a.pem", [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
    }
    ~Files() { std::filesystem::remove_all(folder_); }
    manifest::CertificateFiles both() const { return {folder_ / "a.pem", folder_ / "a.key", {}}; }

private:
    template <class Write>
    void write(const char* name, Write say) {
        auto* const file = std::fopen((folder_ / name).c_str(), "w");
        REQUIRE(file != nullptr);
        REQUIRE(say(file) == 1);
        std::fclose(file);
    }

    std::filesystem::path folder_;
};

struct Wire final : TlsTransport {
    std::size_t read_below(std::span<char> into, error_code& error) override {
        const auto octets = std::min(into.size(), to_server.size());
        error = octets == 0 ? error_code(boost::asio::error::would_block) : error_code{};
        to_server.copy(into.data(), octets);
        to_server.erase(0, octets);
        return octets;
    }
    std::size_t write_below(std::string_view octets, error_code& error) override {
        error = full ? error_code(boost::asio::error::would_block) : error_code{};
        if (full) return 0;
        to_client += octets;
        return octets.size();
    }
    std::string to_server, to_client;
    bool full = false;
};

// Both ends, after their handshake.
class BothEnds {
public:
    BothEnds() {
        manifest::Tls tls;
        tls.certificates.push_back(files_.both());
        auto made = TlsContext::make(tls, true, std::make_shared<TicketKeys>(std::chrono::hours(1)),
                                     std::chrono::hours(1));
        session.emplace(std::get<std::shared_ptr<const TlsContext>>(made), wire);
        SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(client.get());
        for (int round = 0; round < 4; ++round) {
            SSL_do_handshake(client.get());
            carry();
            if (round < 3 && session->handshake() == TlsSession::Step::failed) FAIL(session->trouble());
            BIO_write(SSL_get_rbio(client.get()), wire.to_client.data(),
                      static_cast<int>(wire.to_client.size()));
            wire.to_client.clear();
        }
        REQUIRE(SSL_is_init_finished(client.get()) == 1);
    }

    void change_keys() {
        SSL_key_update(client.get(), SSL_KEY_UPDATE_REQUESTED);
        SSL_do_handshake(client.get());
        carry();
    }
    void say(std::string_view text) {
        SSL_write(client.get(), text.data(), static_cast<int>(text.size()));
        carry();
    }

    Wire wire;
    std::optional<TlsSession> session;
    const OpenSsl<SSL_CTX> context{SSL_CTX_new(TLS_client_method())};
    const OpenSsl<SSL> client{SSL_new(context.get())};
    std::array<char, 100> room{};

private:
    void carry() {
        std::array<char, 4096> octets;
        for (int got = 0; (got = BIO_read(SSL_get_wbio(client.get()), octets.data(), octets.size())) > 0;)
            wire.to_server.append(octets.data(), static_cast<std::size_t>(got));
    }

    Files files_;
};

}  // namespace

TEST_CASE("a few changes of keys are answered, and what comes behind them is read", "[tls]") {
    BothEnds connection;
    for (int i = 0; i < 5; ++i) connection.change_keys();
    connection.say("hello");
    const auto moved = connection.session->read(connection.room);
    REQUIRE(moved);
    CHECK_FALSE(moved->error);
    CHECK(moved->octets == 5);
    CHECK(connection.wire.to_client.size() > 0);
}

TEST_CASE("changes of keys without end are the end", "[tls]") {
    BothEnds connection;
    for (int i = 0; i < 100; ++i) connection.change_keys();
    connection.say("hello");
    const auto moved = connection.session->read(connection.room);
    REQUIRE(moved);
    CHECK(moved->error);
    CHECK(moved->octets == 0);
    CHECK(connection.wire.to_server.size() > 0);  // it was not even read to its end
}

TEST_CASE("a change of keys whose answer does not go holds up nothing that can be read", "[tls]") {
    BothEnds connection;
    connection.wire.full = true;
    connection.change_keys();
    connection.say("hello");
    const auto moved = connection.session->read(connection.room);
    REQUIRE(moved);
    CHECK(moved->octets == 5);
    CHECK_FALSE(connection.session->read(connection.room));
    CHECK_FALSE(connection.session->pending());
}
