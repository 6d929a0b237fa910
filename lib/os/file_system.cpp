#include "os/file_system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <sys/vfs.h>

#include "base/throw_io_error.hpp"

namespace accrete {
namespace {

struct FileSystemRow {
  std::uint32_t magic;  ///< as statfs(2) and linux/magic.h have it
  std::string_view name;
  bool is_local;
};

constexpr std::array<FileSystemRow, 47> known{{
    {0x0000EF53, "ext4", true},  // ext2 and ext3, too
    {0x58465342, "xfs", true},      {0x9123683E, "btrfs", true},    {0x2FC12FC1, "zfs", true},
    {0x01021994, "tmpfs", true},    {0x858458F6, "ramfs", true},    {0x794C7630, "overlay", true},
    {0xF2F52010, "f2fs", true},     {0x00004D44, "vfat", true},     {0x2011BAB0, "exfat", true},
    {0xCA451A4E, "bcachefs", true}, {0x3153464A, "jfs", true},      {0x52654973, "reiserfs", true},
    {0x00003434, "nilfs2", true},   {0x15013346, "udf", true},      {0x00004244, "hfs", true},
    {0x0000482B, "hfsplus", true},  {0x7366746E, "ntfs3", true},    {0x5346544E, "ntfs", true},
    {0xE0F5E1E2, "erofs", true},    {0x73717368, "squashfs", true}, {0x00009660, "iso9660", true},
    {0x24051905, "ubifs", true},    {0x000072B6, "jffs2", true},    {0x0000F15F, "ecryptfs", true},
    {0x0000137F, "minix", true},    {0x00011954, "ufs", true},      {0x61756673, "aufs", true},
    {0x65735546, "fuse", false},  // virtiofs, sshfs, bindfs, …
    {0x01021997, "9p", false},      {0x00006969, "nfs", false},     {0x0000517B, "smb", false},
    {0xFF534D42, "cifs", false},    {0xFE534D42, "smb2", false},    {0x5346414F, "afs", false},
    {0x6B414653, "kafs", false},    {0x73757245, "coda", false},    {0x00C36400, "ceph", false},
    {0x0BD00BD0, "lustre", false},  {0x47504653, "gpfs", false},    {0x01161970, "gfs2", false},
    {0x7461636F, "ocfs2", false},   {0x19830326, "beegfs", false},  {0x20030528, "orangefs", false},
    {0x786F4256, "vboxsf", false},  {0xBACBACBC, "vmhgfs", false},  {0x7C7C6673, "prl_fs", false},
}};

std::vector<std::string_view> trusted_names() {
  const char* const value = std::getenv("ACCRETE_TRUST_LOCKS");
  std::string_view left = value ? value : "";
  std::vector<std::string_view> names;
  while (!left.empty()) {
    const std::size_t comma = std::min(left.find(','), left.size());
    names.push_back(left.substr(0, comma));
    left.remove_prefix(std::min(comma + 1, left.size()));
  }
  return names;
}

bool is_trusted(std::string_view name) {
  const std::vector<std::string_view> names = trusted_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string number_text(std::uint32_t magic) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", magic);
  return text.data();
}

/// Of a file system that is known, or the number of one that is not.
bool is_name(std::string_view name) {
  if (std::any_of(known.begin(), known.end(), [&](const FileSystemRow& row) { return row.name == name; })) return true;
  constexpr std::string_view prefix = "0x";
  if (!name.starts_with(prefix)) return false;
  std::uint32_t magic = 0;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), magic, 16);
  return name == number_text(magic);
}

}  // namespace

std::vector<std::string> unknown_trusted_file_systems() {
  std::vector<std::string> unknown;
  for (const std::string_view name : trusted_names()) {
    if (!is_name(name)) unknown.emplace_back(name);
  }
  return unknown;
}

FileSystem file_system_of(int fd, const std::string& path) {
  struct statfs status {};
  if (::fstatfs(fd, &status) != 0) throw_io_error("look at the file system of", path, errno);
  const auto magic = static_cast<std::uint32_t>(status.f_type);
  const auto* const found =
      std::find_if(known.begin(), known.end(), [&](const auto& row) { return row.magic == magic; });
  if (found != known.end() && found->is_local) return {.name = std::string(found->name), .locks_reach = true};
  std::string name = found != known.end() ? std::string(found->name) : number_text(magic);
  const bool trusted = is_trusted(name);
  return {.name = std::move(name), .locks_reach = trusted};
}

}  // namespace accrete
