// ICE servers as WHIP endpoints tell them: Link: <stun:…>; rel="ice-server" (RFC 8288, RFC 9725
// section 4.6). Takes any bytes. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include "sink/web/media_peer.h"

namespace lumen::whip {

/// Those in the value of one Link header, eight at most; what else is there is left out.
std::vector<web::IceServer> ice_servers_in(std::string_view link);

}  // namespace lumen::whip
