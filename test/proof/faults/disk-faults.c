/*
 * A disk that fails when it is told to, as a library to be loaded before libc (LD_PRELOAD). It looks only at
 * files under one folder.
 *
 * PROOF_DISK_CONTROL names a file of 64 bytes that is mapped by every process: what is to fail (see `struct
 * control`). Whoever writes to the file changes it at that moment. PROOF_DISK_FOLDER names the folder, without
 * links in it. PROOF_DISK_JOURNAL, if set, names a file to which every write that is not synced yet is
 * appended, with what was there before: from it `power-loss.ts` makes what a disk may hold after the power went.
 *
 * gcc -shared -fPIC -O2 -o disk-faults.so disk-faults.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct control {
  volatile int32_t sync_errno;  /* fsync and fdatasync fail with it; 0: they work */
  volatile int32_t write_errno; /* write, pwrite and ftruncate fail with it */
  volatile int32_t torn;        /* 1: a failing write writes half of its bytes first */
  volatile int32_t open_errno;  /* open for writing fails with it */
  volatile int32_t after;       /* so many calls that would fail work first */
  volatile int32_t injected;    /* how many calls have failed */
  volatile int32_t synced;      /* how many syncs have worked */
  volatile int32_t written;     /* how many writes have worked */
  volatile int32_t spares_log;  /* 1: only syncs of the database itself fail, those of its log work */
};

static struct control none;
static struct control *control = &none;
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_open)(const char *, int, ...);

__attribute__((constructor)) static void begin(void) {
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_open = dlsym(RTLD_NEXT, "open64");
  const char *path = getenv("PROOF_DISK_FOLDER");
  if (path != NULL) snprintf(folder, sizeof folder, "%s/", path);
  folder_length = strlen(folder);
  path = getenv("PROOF_DISK_CONTROL");
  if (path != NULL) {
    int descriptor = real_open(path, O_RDWR | O_CLOEXEC);
    void *mapped = descriptor < 0
                     ? MAP_FAILED
                     : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (mapped != MAP_FAILED) control = mapped;
    if (descriptor >= 0) close(descriptor);
  }
  path = getenv("PROOF_DISK_JOURNAL");
  if (path != NULL) journal = real_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* True if the file is under the folder; its path is left in `path`. The -shm file is not on the disk. */
static int path_of(int descriptor, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0 || folder_length <= 1) return 0;
  path[length] = 0;
  if (strncmp(path, folder, folder_length) != 0) return 0;
  return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

/* True if this call is to fail: something is armed, and those that were to work first have. */
static int is_to_fail(int32_t armed) {
  if (armed == 0) return 0;
  if (__atomic_fetch_sub(&control->after, 1, __ATOMIC_SEQ_CST) > 0) return 0;
  __atomic_store_n(&control->after, 0, __ATOMIC_SEQ_CST);
  __atomic_fetch_add(&control->injected, 1, __ATOMIC_SEQ_CST);
  return 1;
}

/*
 * A record: 'W' path, offset, size of the file before, length, what was there before, what was written;
 * 'T' path, the new size, the size before, what was cut off; 'S' path: all before it of this file is on the disk.
 */
struct head {
  char kind;
  char pad[3];
  uint32_t path_length;
  uint64_t offset;
  uint64_t size_before;
  uint64_t before_length;
  uint64_t after_length;
};

static void put(const void *bytes, size_t length) {
  while (length > 0) {
    ssize_t done = real_write(journal, bytes, length);
    if (done <= 0) abort();
    bytes = (const char *)bytes + done;
    length -= (size_t)done;
  }
}

static void note(char kind, const char *path, int descriptor, const void *bytes, size_t count, off_t offset) {
  struct stat status;
  memset(&status, 0, sizeof status);
  if (kind != 'S') fstat(descriptor, &status);
  uint64_t size = (uint64_t)status.st_size;
  uint64_t from = (uint64_t)offset;
  uint64_t to = kind == 'T' ? size : from + count;
  uint64_t kept = kind == 'S' || from >= size ? 0 : (to < size ? to : size) - from;
  char *before = kept > 0 ? malloc(kept) : NULL;
  if (kept > 0) {
    /* The descriptor may be open for writing only. */
    int reading = real_open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = reading < 0 ? -1 : pread64(reading, before, kept, offset);
    if (reading >= 0) close(reading);
    if (got < 0) abort();
    kept = (uint64_t)got;
  }
  struct head head = {kind, {0}, (uint32_t)strlen(path), from, size, kept, count};
  put(&head, sizeof head);
  put(path, head.path_length);
  if (kept > 0) put(before, kept);
  if (count > 0) put(bytes, count);
  free(before);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
  char path[PATH_MAX];
  if ((control->write_errno == 0 && journal < 0) || !path_of(descriptor, path))
    return real_pwrite(descriptor, bytes, count, offset);
  int fails = is_to_fail(control->write_errno);
  int error = control->write_errno;
  size_t written = fails ? (control->torn ? count / 2 : 0) : count;
  ssize_t result = 0;
  pthread_mutex_lock(&lock);
  if (written > 0) {
    if (journal >= 0) note('W', path, descriptor, bytes, written, offset);
    result = real_pwrite(descriptor, bytes, written, offset);
    __atomic_fetch_add(&control->written, 1, __ATOMIC_SEQ_CST);
  }
  pthread_mutex_unlock(&lock);
  if (!fails) return result;
  errno = error;
  return -1;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  char path[PATH_MAX];
  if ((control->write_errno == 0 && journal < 0) || !path_of(descriptor, path))
    return real_write(descriptor, bytes, count);
  off_t offset = lseek64(descriptor, 0, SEEK_CUR);
  ssize_t result = pwrite64(descriptor, bytes, count, offset);
  if (result > 0) lseek64(descriptor, offset + result, SEEK_SET);
  return result;
}

static int synced(int descriptor, int (*sync)(int)) {
  char path[PATH_MAX];
  if ((control->sync_errno == 0 && journal < 0) || !path_of(descriptor, path)) return sync(descriptor);
  size_t length = strlen(path);
  int is_log = length > 4 && strcmp(path + length - 4, "-wal") == 0;
  if (!(control->spares_log && is_log) && is_to_fail(control->sync_errno)) {
    errno = control->sync_errno;
    return -1;
  }
  /* The disk of the test is the page cache: who asks for a sync only waits for nothing when a journal is kept. */
  int result = journal >= 0 ? 0 : sync(descriptor);
  if (result == 0) {
    pthread_mutex_lock(&lock);
    if (journal >= 0) note('S', path, descriptor, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    __atomic_fetch_add(&control->synced, 1, __ATOMIC_SEQ_CST);
  }
  return result;
}

int fsync(int descriptor) { return synced(descriptor, real_fsync); }
int fdatasync(int descriptor) { return synced(descriptor, real_fdatasync); }

int ftruncate64(int descriptor, off_t size) {
  char path[PATH_MAX];
  if ((control->write_errno == 0 && journal < 0) || !path_of(descriptor, path))
    return real_ftruncate(descriptor, size);
  if (is_to_fail(control->write_errno)) {
    errno = control->write_errno;
    return -1;
  }
  pthread_mutex_lock(&lock);
  if (journal >= 0) note('T', path, descriptor, NULL, 0, size);
  int result = real_ftruncate(descriptor, size);
  pthread_mutex_unlock(&lock);
  return result;
}

int ftruncate(int descriptor, off_t size) { return ftruncate64(descriptor, size); }

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
  if (control->open_errno != 0 && writes && folder_length > 1 && strncmp(path, folder, folder_length) == 0 &&
      is_to_fail(control->open_errno)) {
    errno = control->open_errno;
    return -1;
  }
  return real_open(path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open64(path, flags, mode);
}
