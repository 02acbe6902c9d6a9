// What stands at the admin address: its TLS and who is let in, made whole from the configuration and made
// anew when a certificate or a token's file changes. What cannot be made changes nothing. On the control
// thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/access.hpp"
#include "manifest/configuration.hpp"
#include "proxy/tls/context.hpp"
#include "proxy/tls/file_watch.hpp"

namespace admin {

namespace asio = boost::asio;

// Immutable. Empty: plain, and open to whoever reaches it.
struct Guard {
    std::shared_ptr<const proxy::TlsContext> tls;  // null: plain
    std::string authority;                         // who vouches for clients, as a digest of its file
    Access access;
    std::vector<std::string> hosts;  // names that Host may have: those given, and the certificate's
};

std::variant<std::shared_ptr<const Guard>, proxy::Wrong> make_guard(const manifest::Admin&,
                                                                    std::shared_ptr<proxy::TicketKeys>,
                                                                    pods::Duration ticket_lifetime);

class Guards {
public:
    explicit Guards(asio::io_context& io) : files_(io) {}

    // All or nothing.
    std::optional<proxy::Wrong> make(const manifest::Admin&, pods::Duration ticket_lifetime);
    std::shared_ptr<const Guard> current() const { return guard_; }

    // Looks at the files now and then. `changed`: there is another guard, or why the old one stays.
    using Changed = std::function<void(const std::optional<proxy::Wrong>&)>;
    void watch(Changed changed);
    void stop() { files_.stop(); }

private:
    proxy::FileStamps look() const;

    proxy::FileWatch files_;
    manifest::Admin settings_;
    pods::Duration ticket_lifetime_{};
    std::shared_ptr<proxy::TicketKeys> ticket_keys_;
    std::shared_ptr<const Guard> guard_ = std::make_shared<const Guard>();
};

}  // namespace admin
