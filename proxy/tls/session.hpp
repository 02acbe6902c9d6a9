// One TLS connection over a non-blocking socket that somebody else owns and waits for. Nothing here waits:
// what cannot go on says which way it must wait.
#pragma once

#include <boost/system/error_code.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proxy/tls/context.hpp"

namespace proxy {

class TlsSession {
public:
    TlsSession(std::shared_ptr<const TlsContext>, int socket);

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
    bool pending() const {
        return SSL_pending(ssl_.get()) > 0;
    }  // a read gets something, whatever the socket says
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
    std::optional<Moved> outcome(bool& waits_the_other_way, bool other_way_is_write);

    std::shared_ptr<const TlsContext> context_;
    OpenSsl<SSL> ssl_;
    std::string trouble_;
    bool reading_waits_to_write_ = false, writing_waits_to_read_ = false;
    bool write_pending_ = false, established_ = false, broken_ = false;
};

}  // namespace proxy
