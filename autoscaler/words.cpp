#include "autoscaler/words.hpp"

#include <cmath>
#include <cstdio>

namespace autoscaler {

std::string number(double value) {
    char text[40];
    // Two decimals suffice above one; below it two digits that mean something.
    if (std::abs(value) >= 1)
        std::snprintf(text, sizeof text, "%.15g", std::round(value * 100) / 100);
    else
        std::snprintf(text, sizeof text, "%.2g", value);
    return text;
}

std::string pods(int count) {
    return number(count) + (count == 1 ? " pod" : " pods");
}

std::string duration(std::chrono::milliseconds length) {
    return number(std::chrono::duration<double>(length).count()) + " s";
}

}  // namespace autoscaler
