// How two gateways speak during an upgrade: messages over a socket pair, each a JSON object and the
// descriptors that go with it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "pods/unique_fd.hpp"
#include "proxy/control/inheritance.hpp"

namespace cli {

inline constexpr int handover_version = 1;
inline constexpr const char* handover_variable = "PILOTLIGHT_HANDOVER";  // the new process's descriptor

struct HandoverMessage {
    boost::json::object body;
    std::vector<pods::UniqueFd> descriptors;
    std::string_view what() const;  // body["what"]
};

// With nothing but body["what"] yet.
HandoverMessage message_of(std::string_view what);

// A SOCK_SEQPACKET pair: one message, one packet.
std::optional<std::pair<pods::UniqueFd, pods::UniqueFd>> handover_pair();

// False: nobody is there to hear, or he does not listen.
bool send(int socket, const HandoverMessage&);
// Waits so long on this very thread. Empty: nothing came, the end, or no message of ours.
std::optional<HandoverMessage> receive(int socket, std::chrono::milliseconds limit);

// The same, waiting on the executor; empty: the end.
boost::asio::awaitable<std::optional<HandoverMessage>> receive(boost::asio::posix::stream_descriptor&);

boost::json::object to_json(const proxy::OldPod&);
proxy::OldPod old_pod(const boost::json::object&);  // throws if it is none
boost::json::object to_json(const proxy::OldRevision&);
proxy::OldRevision old_revision(const boost::json::object&);

}  // namespace cli
