#include "server/server.hpp"

#include <utility>

#include "server/loop.hpp"

namespace accrete::server {

Server::Server(BufferedStore& store, ServerOptions options)
    : loop_(std::make_unique<Loop>(store, std::move(options))) {}

Server::~Server() = default;

const ServerFile& Server::description() const noexcept { return loop_->description(); }

void Server::run(StopSignals* signals) { loop_->run(signals); }

ServerStats Server::stats() const noexcept { return loop_->stats(); }

void Server::stop() noexcept { loop_->stop(); }

}  // namespace accrete::server
