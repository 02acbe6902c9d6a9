// How pages of our own look: one document without any request to elsewhere, light and dark, for phones and
// desks. Pure.
#pragma once

#include <string>
#include <string_view>

namespace proxy {

// A whole document around `body`. `title` is text, `head` and `body` are HTML.
std::string page(std::string_view title, std::string_view head, std::string_view body);

// The flame: it burns, or has gone out.
std::string flame(bool burning);

// "Content-Security-Policy: ...\r\n": what page() has inline is allowed and `script` too, nothing else is.
// Frames are not restricted: people put a web UI into their portal, and there is nothing here to click on.
std::string page_policy(std::string_view script = {});

}  // namespace proxy
