#include "cli/heir.hpp"

#include <fcntl.h>

#include <boost/asio.hpp>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "proxy/log.hpp"

namespace cli {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

pods::KeptHandles handles_of(HandoverMessage& message) {
    pods::KeptHandles kept;
    if (message.descriptors.size() < 3) return kept;
    kept.keeper = message.body.at("keeper").to_number<pid_t>();
    kept.pod = message.body.at("pod").as_object().at("pid").to_number<pid_t>();
    kept.exit = std::move(message.descriptors[0]);
    kept.lifeline = std::move(message.descriptors[1]);
    kept.report = std::move(message.descriptors[2]);
    return kept;
}

}  // namespace

std::unique_ptr<Heir> Heir::from_environment() {
    const char* given = std::getenv(handover_variable);
    if (given == nullptr) return nullptr;
    int descriptor = -1;
    std::from_chars(given, given + std::string_view(given).size(), descriptor);
    ::unsetenv(handover_variable);
    if (descriptor < 0) throw std::runtime_error("PILOTLIGHT_HANDOVER is no descriptor");
    auto heir = std::make_unique<Heir>();
    heir->channel_ = pods::UniqueFd(descriptor);
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    auto hello = receive(descriptor, 10s);
    if (!hello || hello->what() != "hello" || hello->body.at("version") != handover_version)
        throw std::runtime_error(
            "the gateway that is to be replaced speaks another version of the handover; restart it");
    const auto& doors = hello->body.at("listeners").as_array();
    if (hello->descriptors.size() != doors.size() + 2)
        throw std::runtime_error("the handover lacks descriptors");
    heir->lock_ = std::move(hello->descriptors[0]);
    heir->admin_socket_ = std::move(hello->descriptors[1]);
    heir->admin_address_ = std::string(hello->body.at("adminAddress").as_string());
    heir->admin_port_ = hello->body.at("adminPort").to_number<std::uint16_t>();
    for (std::size_t i = 0; i < doors.size(); ++i) {
        Door door;
        door.address = std::string(doors[i].at("address").as_string());
        door.port = doors[i].at("port").to_number<std::uint16_t>();
        door.socket = std::move(hello->descriptors[i + 2]);
        heir->doors_.push_back(std::move(door));
    }
    for (const auto& each : hello->body.at("revisions").as_array())
        heir->revisions_.push_back(old_revision(each.as_object()));
    return heir;
}

pods::UniqueFd Heir::take_listener(const manifest::Listener& at) {
    for (auto& door : doors_)
        if (door.address == at.address && door.port == at.port) return std::move(door.socket);
    return {};
}

pods::UniqueFd Heir::take_admin(const manifest::Listener& at) {
    if (at.address != admin_address_ || at.port != admin_port_) return {};
    return std::move(admin_socket_);
}

void Heir::fail(const std::string& why) {
    auto failed = message_of("failed");
    failed.body["why"] = why;
    if (channel_) send(channel_.get(), failed);
}

asio::awaitable<void> Heir::take_over(asio::io_context& io, House house) {
    asio::posix::stream_descriptor socket(io, channel_.release());
    send(socket.native_handle(), message_of("ready"));
    for (;;) {
        auto heard = co_await receive(socket);
        if (!heard) break;
        try {
            hear(*heard, house);
        } catch (const std::exception& error) {  // nothing of ours says such a thing
            log_of(proxy::LogOf::proxy)
                .error("upgrade: a message of the gateway before this one cannot be used and is left out: {}",
                       error.what());
        }
        if (heard->what() == "go") send(socket.native_handle(), message_of("serving"));
    }
    house.ended(begun_);
}

void Heir::hear(HandoverMessage& heard, const House& house) {
    const auto what = heard.what();
    if (what == "go") {
        std::vector<proxy::OldPod> pods;
        for (const auto& each : heard.body.at("pods").as_array()) pods.push_back(old_pod(each.as_object()));
        begun_ = true;
        house.begin(pods);
    } else if (what == "pod") {
        const auto old = old_pod(heard.body.at("pod").as_object());
        pods::Handed handed;
        handed.started = old.started;
        handed.kept = handles_of(heard);
        if (heard.descriptors.size() > 3) handed.reservation = std::move(heard.descriptors[3]);
        house.pod(old, std::move(handed));
    } else if (what == "sessions") {
        proxy::OldSessions sessions;
        for (const auto& each : heard.body.at("ids").as_array())
            sessions.push_back({std::string(each.at("id").as_string()), each.at("home").as_bool()});
        house.sessions(std::string(heard.body.at("name").as_string()), sessions);
    } else if (what == "gone") {
        house.gone(std::string(heard.body.at("name").as_string()));
    } else if (what == "client" && !heard.descriptors.empty()) {
        manifest::Listener at;
        at.address = std::string(heard.body.at("address").as_string());
        at.port = heard.body.at("port").to_number<std::uint16_t>();
        std::string early;  // octets, not text: as numbers in JSON
        for (const auto& octet : heard.body.at("early").as_array())
            early += static_cast<char>(octet.to_number<int>());
        house.client(at, std::move(heard.descriptors.front()), std::move(early));
    }
}

}  // namespace cli
