#include "cli/upgrade_request.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio.hpp>
#include <cstdio>
#include <iostream>
#include <memory>

#include "cli/load.hpp"
#include "cli/state.hpp"
#include "cli/words.hpp"
#include "pods/unique_fd.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;

constexpr const char* socket_name = "upgrade.sock";

// However long the folder's name: a socket's address has room for 107 octets.
struct Place {
    explicit Place(const std::filesystem::path& state)
        : folder(::open(state.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
          path(fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_name)) {}
    pods::UniqueFd folder;
    std::string path;
};

}  // namespace

void UpgradeDoor::open(const std::filesystem::path& state, std::function<void(Answer)> asked) {
    asked_ = std::move(asked);
    const Place place(state);
    ::unlink(place.path.c_str());
    boost::system::error_code error;
    acceptor_.open(stream_protocol(), error);
    if (!error) acceptor_.bind(stream_protocol::endpoint(place.path), error);
    if (!error) ::chmod(place.path.c_str(), 0600);
    if (!error) acceptor_.listen(4, error);
    if (error)
        return log_of(proxy::LogOf::admin)
            .warn(
                "`pilotlight upgrade` cannot reach this gateway, but SIGUSR2 can: its socket in the state "
                "directory: {}",
                error.message());
    accept();
}

void UpgradeDoor::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
}

void UpgradeDoor::accept() {
    acceptor_.async_accept([this](boost::system::error_code error, stream_protocol::socket socket) {
        if (error) return;
        ucred peer{};
        socklen_t size = sizeof peer;
        ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
        const auto client = std::make_shared<stream_protocol::socket>(std::move(socket));
        const auto answer = [client](const std::string& text) {
            boost::system::error_code ignored;
            client->non_blocking(true, ignored);
            client->write_some(asio::buffer(text), ignored);
            client->close(ignored);
        };
        if (peer.uid == ::geteuid() || peer.uid == 0)
            asked_(answer);
        else
            answer("failed: only the gateway's own user and root may ask for an upgrade");
        accept();
    });
}

namespace {

int request_upgrade(const Words& words) {
    if (!words.free().empty())
        throw Usage("'" + words.free().front() + "' stands alone; manifests are named with -f");
    manifest::Gateway gateway;
    if (const auto folder = words.value("--state-dir")) {
        gateway.state_dir = *folder;
    } else if (const auto files = words.values("--filename"); !files.empty()) {
        auto loaded = load_all(std::vector<std::filesystem::path>(files.begin(), files.end()));
        for (const auto& problem : loaded.problems)
            if (!problem.warning) std::fprintf(stderr, "%s\n", manifest::to_string(problem).c_str());
        if (!loaded.configuration) return 1;
        gateway = loaded.configuration->gateway;
    }
    const auto state = state_directory(gateway);
    asio::io_context io;
    stream_protocol::socket socket(io);
    boost::system::error_code error;
    const Place place(state);
    socket.connect(stream_protocol::endpoint(place.path), error);
    if (error) {
        std::fprintf(
            stderr,
            "pilotlight upgrade: no gateway listens at %s (%s); name its manifests with -f, or its state "
            "directory with --state-dir\n",
            (state / socket_name).c_str(), error.message().c_str());
        return 1;
    }
    std::string text;
    asio::read(socket, asio::dynamic_buffer(text), error);
    if (text.starts_with("ok")) return std::printf("%s\n", text.c_str()), 0;
    std::fprintf(stderr, "pilotlight upgrade: %s\n", text.empty() ? "the gateway ended" : text.c_str());
    return 1;
}

}  // namespace

int upgrade(std::span<const std::string> args) {
    return within("upgrade", args, std::cout, std::cerr, request_upgrade);
}

}  // namespace cli
