// The new process's side of an upgrade: what the gateway before it left to it. Until it says "ready"
// everything is as it was; what it cannot do it says, and the old gateway goes on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "cli/handover_channel.hpp"
#include "manifest/configuration.hpp"

namespace cli {

class Heir {
public:
    // Of the environment, which is cleared of it; null: nobody was here before. Throws a sentence when what
    // is said there cannot be understood.
    static std::unique_ptr<Heir> from_environment();

    // Each once; empty: there is none, and it must be made.
    pods::UniqueFd take_lock() { return std::move(lock_); }
    pods::UniqueFd take_listener(const manifest::Listener&);
    pods::UniqueFd take_admin(const manifest::Listener&);
    std::vector<proxy::OldRevision> take_revisions() { return std::move(revisions_); }

    void fail(const std::string& why);

    // What the old gateway tells from now on, on the control thread.
    struct House {
        std::function<void(const std::vector<proxy::OldPod>&)> begin;  // the doors are ours
        std::function<void(const proxy::OldPod&, pods::Handed)> pod;
        std::function<void(const std::string&, const proxy::OldSessions&)> sessions;
        std::function<void(const std::string&)> gone;
        std::function<void(const manifest::Listener&, pods::UniqueFd, std::string early)> client;
        std::function<void(bool begun)> ended;  // the old one is gone
    };
    boost::asio::awaitable<void> take_over(boost::asio::io_context&, House);

private:
    struct Door {
        std::string address;
        std::uint16_t port = 0;
        pods::UniqueFd socket;
    };
    void hear(HandoverMessage&, const House&);

    pods::UniqueFd channel_, lock_, admin_socket_;
    std::string admin_address_;
    std::uint16_t admin_port_ = 0;
    std::vector<Door> doors_;
    std::vector<proxy::OldRevision> revisions_;
    bool begun_ = false;
};

}  // namespace cli
