#include "cli/handover_channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio.hpp>
#include <cerrno>
#include <cstring>

namespace cli {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t most_descriptors = 64;
constexpr std::size_t longest_message = 160 << 10;  // within the kernel's usual bound of a packet
constexpr int patience_ms = 2000;                   // with a reader that is slow; control waits meanwhile

std::string text(const json::object& from, const char* name) {
    return std::string(from.at(name).as_string());
}

std::optional<HandoverMessage> receive_now(int socket) {
    std::vector<char> buffer(longest_message);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
    iovec part{buffer.data(), buffer.size()};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_control = control.data();
    head.msg_controllen = control.size();
    const auto size = ::recvmsg(socket, &head, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size <= 0) return std::nullopt;
    HandoverMessage message;
    for (auto* part_of = CMSG_FIRSTHDR(&head); part_of != nullptr; part_of = CMSG_NXTHDR(&head, part_of)) {
        if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
        const auto count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(part_of) + i * sizeof(int), sizeof descriptor);
            message.descriptors.emplace_back(descriptor);
        }
    }
    if ((head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return std::nullopt;
    boost::system::error_code error;
    json::parse_options options;
    options.allow_invalid_utf8 = true;  // ids are what clients say
    auto value =
        json::parse(std::string_view(buffer.data(), static_cast<std::size_t>(size)), error, {}, options);
    if (error || !value.is_object()) return std::nullopt;
    message.body = std::move(value.as_object());
    return message;
}

}  // namespace

std::string_view HandoverMessage::what() const {
    const auto* name = body.if_contains("what");
    return name != nullptr && name->is_string() ? std::string_view(name->as_string()) : std::string_view{};
}

HandoverMessage message_of(std::string_view what) {
    HandoverMessage message;
    message.body["what"] = what;
    return message;
}

std::optional<std::pair<pods::UniqueFd, pods::UniqueFd>> handover_pair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
    return std::pair(pods::UniqueFd(ends[0]), pods::UniqueFd(ends[1]));
}

bool send(int socket, const HandoverMessage& message) {
    const auto octets = json::serialize(message.body);
    const auto count = message.descriptors.size();
    if (octets.size() > longest_message || count > most_descriptors) return false;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
    iovec part{const_cast<char*>(octets.data()), octets.size()};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    if (count > 0) {
        head.msg_control = control.data();
        head.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        auto* rights = CMSG_FIRSTHDR(&head);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        for (std::size_t i = 0; i < count; ++i) {
            const int descriptor = message.descriptors[i].get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &descriptor, sizeof descriptor);
        }
    }
    for (;;) {
        if (::sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
        pollfd room{socket, POLLOUT, 0};
        if (::poll(&room, 1, patience_ms) <= 0) return false;
    }
}

std::optional<HandoverMessage> receive(int socket, std::chrono::milliseconds limit) {
    pollfd some{socket, POLLIN, 0};
    if (::poll(&some, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
    return receive_now(socket);
}

asio::awaitable<std::optional<HandoverMessage>> receive(asio::posix::stream_descriptor& socket) {
    const auto [error] = co_await socket.async_wait(asio::posix::descriptor_base::wait_read,
                                                    asio::as_tuple(asio::use_awaitable));
    if (error) co_return std::nullopt;
    co_return receive_now(socket.native_handle());
}

json::object to_json(const proxy::OldPod& pod) {
    json::array gpus;
    for (const auto& gpu : pod.started.gpus) gpus.emplace_back(gpu);
    return {{"service", pod.service},
            {"name", pod.name},
            {"uid", pod.uid},
            {"ordinal", pod.ordinal},
            {"restarts", pod.restarts},
            {"created", pod.created},
            {"ready", pod.ready},
            {"stays", pod.stays},
            {"host", pod.started.address.host},
            {"port", pod.started.address.port},
            {"gpus", gpus},
            {"log", pod.started.log_file},
            {"pid", pod.started.pid}};
}

proxy::OldPod old_pod(const json::object& from) {
    proxy::OldPod pod;
    pod.service = text(from, "service");
    pod.name = text(from, "name");
    pod.uid = text(from, "uid");
    pod.ordinal = from.at("ordinal").to_number<int>();
    pod.restarts = from.at("restarts").to_number<int>();
    pod.created = from.at("created").to_number<std::int64_t>();
    pod.ready = from.at("ready").as_bool();
    pod.stays = from.at("stays").as_bool();
    pod.started.address = {text(from, "host"), from.at("port").to_number<std::uint16_t>()};
    for (const auto& gpu : from.at("gpus").as_array()) pod.started.gpus.emplace_back(gpu.as_string());
    pod.started.log_file = text(from, "log");
    pod.started.pid = from.at("pid").to_number<std::int64_t>();
    return pod;
}

json::object to_json(const proxy::OldRevision& revision) {
    return {{"service", revision.service},
            {"generation", revision.generation},
            {"fingerprint", revision.fingerprint},
            {"pods", revision.pods}};
}

proxy::OldRevision old_revision(const json::object& from) {
    proxy::OldRevision revision;
    revision.service = text(from, "service");
    revision.generation = from.at("generation").to_number<int>();
    revision.fingerprint = text(from, "fingerprint");
    revision.pods = from.at("pods").to_number<int>();
    return revision;
}

}  // namespace cli
