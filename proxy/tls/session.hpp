// One TLS connection over a non-blocking transport that somebody else owns and waits for. Nothing here waits:
// what cannot go on says which way it must wait.
#pragma once

#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/bounds/rate_allowance.hpp"
#include "proxy/tls/context.hpp"

namespace proxy {

// What is below TLS, without waits: would_block when nothing is there or nothing goes, eof at the end.
class TlsTransport {
public:
    virtual std::size_t read_below(std::span<char> into, boost::system::error_code&) = 0;
    virtual std::size_t write_below(std::string_view octets, boost::system::error_code&) = 0;

protected:
    ~TlsTransport() = default;
};

class TlsSession {
public:
    TlsSession(std::shared_ptr<const TlsContext>, TlsTransport&);
    TlsSession(const TlsSession&) = delete;

    enum class Step { done, wants_to_read, wants_to_write, failed };
    Step handshake();
    const std::string& trouble() const { return trouble_; }  // why it failed

    struct Moved {
        boost::system::error_code error;  // eof also when the peer ended without saying so
        std::size_t octets = 0;
    };
    std::optional<Moved> read(std::span<char> into);  // empty: nothing is there yet
    // At most one record, of as much of the pieces as fits; empty: nothing goes yet. What is then given must
    // begin with the same octets again.
    std::optional<Moved> write(std::span<const std::string_view> pieces);
    // A read gets something, whatever the socket says. Not while it has to write first: what lies there would
    // be asked for again and again, and nobody else would have a turn.
    bool pending() const {
        return !reading_waits_to_write_ && (SSL_pending(ssl_.get()) > 0 || ahead_at_ < ahead_.size());
    }
    bool reading_waits_to_write() const { return reading_waits_to_write_; }
    bool writing_waits_to_read() const { return writing_waits_to_read_; }
    void end();  // close_notify, if it goes at once; nothing is written after it

    std::string_view alpn() const;  // "h2", "http/1.1" or nothing
    std::string_view server_name() const;
    const std::vector<std::string>& names() const;  // of the certificate that was chosen
    bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    // The client's certificate that was verified, as Envoy writes it in X-Forwarded-Client-Cert; or nothing.
    std::string client_certificate() const;

private:
    friend struct TlsBio;
    static void heard(int is_ours, int version, int type, const void* octets, std::size_t size, SSL*,
                      void* session);
    std::size_t read_ahead(std::span<char> into, boost::system::error_code&);
    std::optional<Moved> outcome(bool& waits_the_other_way, bool other_way_is_write);

    std::shared_ptr<const TlsContext> context_;
    TlsTransport& below_;
    std::string ahead_;  // read from below, not asked for yet by OpenSSL
    std::size_t ahead_at_ = 0;
    OpenSsl<SSL> ssl_;
    std::string trouble_;
    bool reading_waits_to_write_ = false, writing_waits_to_read_ = false;
    bool write_pending_ = false, established_ = false, broken_ = false;
    RateAllowance without_content_;
    bool too_much_ = false;  // said without content: it is heard no more
};

}  // namespace proxy
