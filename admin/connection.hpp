// One client of the admin address.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <set>

#include "admin/api.hpp"
#include "admin/dashboard.hpp"
#include "admin/entry.hpp"
#include "admin/server.hpp"
#include "proxy/any_stream.hpp"

namespace admin {

class Connection;

// What the connections of a server share; it lives as long as any of them.
class Server::Core : public std::enable_shared_from_this<Server::Core> {
public:
    Core(asio::io_context& io, Source asked, Settings with)
        : source(std::move(asked)),
          settings(std::move(with)),
          audit(settings.audit),
          dashboard(source.generations, settings.history),
          acceptor(io),
          pause(io) {}

    void refresh();  // takes in the last snapshot

    Source source;
    Settings settings;
    Store store;
    Sessions sessions;
    Audit audit;
    Dashboard dashboard;
    std::uint64_t last_number = 0;
    std::size_t streams = 0;  // of frames, under way
    std::size_t logs = 0;     // of pods, under way
    std::shared_ptr<const Snapshot> snapshot = std::make_shared<const Snapshot>();
    std::set<Connection*> connections;
    bool stopping = false;
    asio::ip::tcp::acceptor acceptor;
    asio::steady_timer pause;  // of accepting, when the process is out of descriptors
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(std::shared_ptr<Server::Core>, asio::ip::tcp::socket);
    ~Connection();

    void start();
    void ask_again();  // who is let in has changed
    void wake();       // something changed that a watch may tell
    void stop();
    // Whether nobody has said yet who he is, where that is asked; since when, by the number.
    bool stranger() const;
    std::uint64_t number() const { return number_; }
    void let_go();

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

    static asio::awaitable<void> run(std::shared_ptr<Connection>);
    static asio::awaitable<void> look_out(std::shared_ptr<Connection>);
    asio::awaitable<bool> shake_hands();
    asio::awaitable<void> end();
    asio::awaitable<bool> read_head(Parser&);
    enum class Step { respond, next, end };
    asio::awaitable<Step> admit(const Parser::value_type& request);
    asio::awaitable<bool> read_body(Parser&);
    asio::awaitable<void> let_finish();
    asio::awaitable<bool> respond(const Parser::value_type& request);
    std::optional<Answer> change(const Request& asked);
    asio::awaitable<bool> write(Answer answer, unsigned version, bool keep_alive, bool head_only);
    asio::awaitable<void> follow(Following following, unsigned version);
    asio::awaitable<bool> tell_log(LogWish wish, unsigned version);
    asio::awaitable<void> write_log(const LogWish& wish, bool chunked);
    asio::awaitable<bool> show(unsigned version, bool head_only);
    asio::awaitable<void> write_frames(bool chunked);
    asio::awaitable<bool> write_head_of_stream(unsigned version, std::string_view content_type);
    asio::awaitable<bool> write_piece(std::string piece, bool chunked);
    std::optional<Answer> objection(const Parser::value_type& request) const;
    Entry entry_of(const Parser::value_type& request) const;
    std::function<bool()> still_admitted(const Entry&) const;
    void tell(const Parser::value_type& request, std::string_view body, const Answer&);
    void close();

    std::shared_ptr<Server::Core> core_;
    std::shared_ptr<const Guard> guard_;  // that the handshake was made with
    proxy::AnyStream stream_;
    std::optional<std::string> certificate_;  // its common name
    std::string peer_;
    Who who_;                         // sends the request under way
    bool known_ = false;              // somebody did say who he is
    std::uint64_t number_;            // in the order of their coming
    std::function<bool()> admitted_;  // while a stream runs: whether it still may
    boost::beast::flat_buffer buffer_;
    asio::steady_timer changed_;
    bool reading_ = false;  // waits for a request
    bool unread_ = false;   // a body that was refused is still on its way
    bool gone_ = false;     // the client of a watch left
};

}  // namespace admin
