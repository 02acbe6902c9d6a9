// The client connections of one worker on which nothing is asked, the longest idle first: those that go first
// when connections, descriptors or memory run short.
#pragma once

#include <boost/intrusive/list.hpp>

#include "proxy/traffic/stream.hpp"

namespace proxy {

// Somebody's place in the line, while it lives.
class Idle
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    explicit Idle(Stream& stream) : stream_(stream) {}
    Idle(const Idle&) = delete;
    void end() {
        unlink();
        stream_.interrupt();  // who waits for a request waits no more, and closes
    }

private:
    Stream& stream_;
};

class IdleLine {
public:
    void join(Idle& last) { line_.push_back(last); }
    // How many could be ended.
    std::size_t shed(std::size_t count) {
        std::size_t shed = 0;
        for (; shed < count && !line_.empty(); ++shed) line_.front().end();
        return shed;
    }

private:
    boost::intrusive::list<Idle, boost::intrusive::constant_time_size<false>> line_;
};

}  // namespace proxy
