#include "simulator/dialect.hpp"
namespace simulator {
Dialect comfy() {
    return a1111();
}
}  // namespace simulator
