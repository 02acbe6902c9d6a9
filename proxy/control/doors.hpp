// The doors of all listeners: made whole from the configuration, and made anew when a file of theirs changes.
// What cannot be made changes nothing. On the control thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manifest/configuration.hpp"
#include "proxy/tls/file_watch.hpp"
#include "proxy/traffic/door.hpp"

namespace proxy {

namespace asio = boost::asio;

class Doors {
public:
    explicit Doors(asio::io_context& io) : files_(io) {}

    // All or nothing.
    std::optional<Wrong> make(const manifest::Gateway&);
    // Of a listener of the last configuration that was made, or of an earlier one.
    std::shared_ptr<const Door> of(const manifest::Listener&) const;

    std::optional<std::time_t> valid_until() const;  // the first certificate to expire; empty: there is none

    // Looks at the files now and then. `changed`: new doors are there, or why the old ones stay.
    using Changed = std::function<void(const std::optional<Wrong>&)>;
    void watch(Changed changed);
    void stop() { files_.stop(); }

private:
    FileStamps look() const;
    std::variant<std::shared_ptr<const Door>, Wrong> make(const manifest::Listener&);

    FileWatch files_;
    manifest::Gateway gateway_;
    std::shared_ptr<TicketKeys> ticket_keys_;
    std::map<std::pair<std::string, std::uint16_t>, std::shared_ptr<const Door>> doors_;
};

}  // namespace proxy
