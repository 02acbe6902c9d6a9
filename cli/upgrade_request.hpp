// `pilotlight upgrade`: asks the running gateway to put the binary that is now installed in its place, over a
// socket in the state directory that only its own user and root may use, and says what came of it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace cli {

int upgrade(std::span<const std::string> args);

// The gateway's end of it.
class UpgradeDoor {
public:
    using Answer = std::function<void(const std::string&)>;  // "ok: ..." or "failed: ...", once

    explicit UpgradeDoor(boost::asio::io_context& io) : acceptor_(io) {}
    // Takes the place of a socket that is there. Not to be had: said in the log, no more.
    void open(const std::filesystem::path& state, std::function<void(Answer)> asked);
    void close();

private:
    void accept();
    boost::asio::local::stream_protocol::acceptor acceptor_;
    std::function<void(Answer)> asked_;
};

}  // namespace cli
