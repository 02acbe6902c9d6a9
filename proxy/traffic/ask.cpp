#include "proxy/traffic/ask.hpp"

#include <fmt/format.h>

#include <boost/asio.hpp>

#include "proxy/traffic/body.hpp"

namespace proxy {

namespace {

constexpr std::size_t most_content = 1 << 20;
constexpr std::size_t most_head = 32 << 10;

std::string text_of(const Question& question) {
    auto text = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: pilotlight\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        "Connection: close\r\n",
        question.method, question.target, question.host);
    if (!question.authorization.empty()) text += "Authorization: " + question.authorization + "\r\n";
    if (!question.cookie.empty()) text += "Cookie: " + question.cookie + "\r\n";
    if (question.method != "GET")
        text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", question.body.size());
    text += "\r\n";
    return text += question.body;
}

// More octets at the end of `into`; false: there will be none.
asio::awaitable<bool> read_more(Worker& worker, Stream& stream, std::string& into, TimePoint deadline) {
    for (;;) {
        if (const auto read = stream.try_read(worker.scratch())) {
            if (read->error) co_return false;
            into.append(worker.scratch().data(), read->octets);
            co_return true;
        }
        if (co_await stream.readable(deadline)) co_return false;
    }
}

}  // namespace

asio::awaitable<std::optional<Reply>> ask(Worker& worker, const Backend& pod, const Question& question,
                                          TimePoint deadline, HeardEnough sink) {
    auto connection = worker.new_pod_connection();
    auto& stream = connection->stream;
    if (co_await stream.connect(pod.endpoint, deadline)) co_return std::nullopt;
    const auto text = text_of(question);
    const auto written = co_await stream.write_unless_answered(text, {}, deadline);
    if (written.error) co_return std::nullopt;

    std::string octets;
    std::size_t length = 0;
    while ((length = head_length(octets)) == 0) {
        if (octets.size() > most_head) co_return std::nullopt;
        const bool more = co_await read_more(worker, stream, octets, deadline);
        if (!more) co_return std::nullopt;
    }
    const auto parsed = parse_response(std::string_view(octets).substr(0, length), HeadLimits{}, false);
    const auto* head = std::get_if<ResponseHead>(&parsed);
    if (head == nullptr || head->status() < 200) co_return std::nullopt;

    Reply reply;
    reply.status = head->status();
    BodyDecoder decoder(head->framing(), head->content_length());
    bool enough = false;
    const auto take = [&](std::string_view content) {
        if (sink)
            enough = enough || sink(content);
        else
            reply.body += content.substr(0, most_content - std::min(most_content, reply.body.size()));
    };
    octets.erase(0, length);
    decoder.feed(octets, take);
    while (decoder.state() == BodyDecoder::State::more && !enough) {
        octets.clear();
        const bool more = co_await read_more(worker, stream, octets, deadline);
        if (!more && decoder.closed()) break;
        if (!more) co_return std::nullopt;
        decoder.feed(octets, take);
    }
    if (decoder.state() == BodyDecoder::State::malformed) co_return std::nullopt;
    co_return reply;
}

}  // namespace proxy
