// What nghttp2 calls. Each notes what it is told and returns: no exception passes, and nghttp2 is not called.
#pragma once

#include <nghttp2/nghttp2.h>

#include "proxy/traffic/h2_session.hpp"

namespace proxy {

struct H2Callbacks {
    static const nghttp2_session_callbacks* table();

    static ssize_t read_content(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t room,
                                std::uint32_t* flags, nghttp2_data_source*, void* session);

private:
    static int send_content(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head,
                            std::size_t size, nghttp2_data_source*, void* session);
    static int frame_began(nghttp2_session*, const nghttp2_frame_hd*, void* session);
    static int frame_refused(nghttp2_session*, const nghttp2_frame*, int why, void* session);
    static int begin_headers(nghttp2_session*, const nghttp2_frame*, void* session);
    static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t flags, void* session);
    static int frame_received(nghttp2_session*, const nghttp2_frame*, void* session);
    static int data(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* octets,
                    std::size_t size, void* session);
    static int frame_sent(nghttp2_session*, const nghttp2_frame*, void* session);
    static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t why, void* session);

    static void takes_our_time(H2Session&);
    static void received(H2Session&, const nghttp2_frame&);
    static void headers_received(H2Session&, const nghttp2_frame&);
};

}  // namespace proxy
