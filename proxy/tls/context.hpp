// What a TLS listener shows and asks for: its certificates, chosen by server name, and its rules. Immutable;
// a changed file makes another one, whole, and connections keep the one that they began with.
#pragma once

#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/tls/credentials.hpp"
#include "proxy/tls/tickets.hpp"

namespace proxy {

class TlsContext {
public:
    struct Identity {
        std::vector<std::string> names;
        OpenSsl<SSL_CTX> context;
    };

    static std::variant<std::shared_ptr<const TlsContext>, Wrong> make(const manifest::Tls&, bool http2,
                                                                       std::shared_ptr<TicketKeys>,
                                                                       pods::Duration ticket_lifetime);
    TlsContext(const TlsContext&) = delete;

    SSL_CTX* context() const { return identities_.front().context.get(); }  // to begin a connection with
    const Identity& identity(const SSL*) const;                             // that was chosen for it
    std::time_t valid_until() const { return valid_until_; }  // the first of its certificates to expire

    // --- OpenSSL's callbacks
    const Identity* choose(std::string_view server_name) const;  // null: reject it
    TicketKeys& ticket_keys() const { return *ticket_keys_; }
    bool http2() const { return http2_; }

private:
    TlsContext() = default;

    std::vector<Identity> identities_;
    std::shared_ptr<TicketKeys> ticket_keys_;
    std::time_t valid_until_ = std::numeric_limits<std::time_t>::max();
    bool reject_unknown_ = false;
    bool http2_ = false;
};

}  // namespace proxy
