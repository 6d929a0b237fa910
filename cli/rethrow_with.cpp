#include "cli/rethrow_with.hpp"

#include <accrete/error.hpp>
#include <new>

namespace accrete::cli {

void rethrow_with(const std::string& addition) {
  try {
    throw;
  } catch (const LockedError& error) {
    throw LockedError(error.what() + addition);
  } catch (const TimeoutError& error) {
    throw TimeoutError(error.what() + addition);
  } catch (const UnknownOutcomeError& error) {
    throw UnknownOutcomeError(error.what() + addition, error.batch());
  } catch (const NotFoundError& error) {
    throw NotFoundError(error.what() + addition);
  } catch (const Error& error) {
    throw Error(error.what() + addition);
  } catch (const std::bad_alloc&) {
    throw TooLargeError("there is not enough memory" + addition);
  }
}

}  // namespace accrete::cli
