// The parts of a multipart/form-data body (RFC 7578). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace simulator {

struct FormPart {
    std::string name, filename;  // filename is empty for a plain field; without any folder
    std::string_view body;       // of the whole's
};

// As far as they are well-formed.
std::vector<FormPart> form_parts(std::string_view content_type, std::string_view body);

}  // namespace simulator
