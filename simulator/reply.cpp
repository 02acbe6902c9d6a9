#include <boost/json.hpp>

#include "simulator/call.hpp"

namespace simulator {

Reply Reply::json(std::string text, http::status code) {
    Reply reply;
    reply.status = code;
    reply.body = std::move(text);
    return reply;
}

Reply Reply::detail(http::status code, std::string_view text) {
    return json("{\"detail\":" + boost::json::serialize(boost::json::string(text)) + "}", code);
}

}  // namespace simulator
