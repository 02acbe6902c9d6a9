// An exception in words, whatever it is.
#pragma once

#include <exception>
#include <string>

namespace proxy {

inline const char* what_of(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();  // it lives as long as `error`
    } catch (...) {
        return "something that is no exception of ours";
    }
}

}  // namespace proxy
