// Every sentence of the page, in both languages, and how it gets into the document.

const TEXTS = {
  zh: {
    title: '实时网关演示',
    tagline: '多个用户、多台设备,每一帧都看得见',
    language: '语言',
    startBoth: '开始',
    addDevice: '添加设备',
    devices: '设备',
    noDevices: '所有设备都已关闭。',
    user: '用户 {id}',
    me: '用户 {id}(我)',
    pane: '第 {number} 台设备',
    nobody: '未登录',
    loginLead: '选一个用户编号登录,开始聊天。',
    userId: '用户编号',
    more: '更多选项',
    role: '角色(可选)',
    ownToken: '使用自己的令牌(JWT)',
    login: '登录',
    logout: '退出登录',
    close: '关闭设备',
    closeHint: '关闭这台设备:稍后其他人会看到用户离线',
    cut: '断线',
    cutHint: '切断连接,看它自动恢复',
    onlineNow: '在线',
    events: '事件流',
    eventsHint: '不经 socket,用 SSE 再接收一份订单通知',
    order: '下单',
    orderHint: '下一个订单,通知会到达该用户的每台设备',
    orders: '订单',
    anOrder: '订单',
    confirmed: '已确认',
    socket: 'socket',
    stream: '事件流',
    skuA1: '咖啡',
    skuB2: '饺子',
    skuC3: '绿茶',
    skuD4: '包子',
    rooms: '房间',
    room: '房间',
    roomHint: '房间名',
    join: '加入',
    leave: '离开 {room}',
    message: '消息',
    messages: '消息',
    messageHint: '说点什么…',
    send: '发送',
    frames: '数据帧',
    noFrames: '收发的每一帧都会出现在这里。',
    clear: '清空',
    dismiss: '关闭提示',
    offline: '未连接',
    connecting: '连接中…',
    online: '已连接',
    reconnecting: '重新连接中…',
    refused: '连接被拒绝',
    noRoom: '加入一个房间,开始聊天。',
    noMessages: '这里还没有消息,说句话吧。',
    joined: '用户 {id} 加入了房间',
    left: '用户 {id} 离开了房间',
    sending: '发送中…',
    loginOff: '此服务器未开放登录,请粘贴访问令牌。',
    loginFailed: '登录失败',
    requestFailed: '请求失败',
    unreachable: '无法连接服务器',
    noAnswer: '服务器没有回应',
    noToken: '缺少访问令牌',
    originRefused: '服务器不接受来自此网址的连接',
    ack: '应答',
    EMPTY_MESSAGE: '消息内容不能为空',
    NOT_A_MEMBER: '你不是这个房间的成员',
    TOO_MANY_MEMBERSHIPS: '你加入的房间太多',
    TOKEN_EXPIRED: '登录已过期,正在重新登录',
    UNAUTHORIZED: '认证失败',
    VALIDATION: '内容不符合要求',
    BAD_PAYLOAD: '消息格式不正确',
    UNKNOWN_EVENT: '服务器不认识这个事件',
    OVERLOADED: '等待处理的消息过多,请稍后再试',
    SHUTTING_DOWN: '服务器正在关闭',
    INTERNAL: '服务器内部错误',
    FORBIDDEN: '没有权限',
    THROTTLED: '操作过于频繁,请稍后再试',
    NO_REPLY: '服务器没有给出答复',
  },
  en: {
    title: 'Gateway demo',
    tagline: 'Several users, several devices, every frame in sight',
    language: 'Language',
    startBoth: 'Start',
    addDevice: 'Add a device',
    devices: 'Devices',
    noDevices: 'Every device is closed.',
    user: 'User {id}',
    me: 'User {id} (me)',
    pane: 'Device {number}',
    nobody: 'Not logged in',
    loginLead: 'Pick a user number and start talking.',
    userId: 'User number',
    more: 'More options',
    role: 'Role (optional)',
    ownToken: 'A token of your own (JWT)',
    login: 'Log in',
    logout: 'Log out',
    close: 'Close the device',
    closeHint: 'Close this device: a little later, the others see its user go offline',
    cut: 'Drop the connection',
    cutHint: 'Drop the connection and watch it recover',
    onlineNow: 'Online',
    events: 'Stream',
    eventsHint: 'Receive order updates a second time, without a socket: Server-Sent Events',
    order: 'Order',
    orderHint: 'Place an order: every device of this user is notified',
    orders: 'Orders',
    anOrder: 'Order',
    confirmed: 'Confirmed',
    socket: 'socket',
    stream: 'stream',
    skuA1: 'coffee',
    skuB2: 'dumplings',
    skuC3: 'green tea',
    skuD4: 'steamed buns',
    rooms: 'Rooms',
    room: 'Room',
    roomHint: 'room',
    join: 'Join',
    leave: 'Leave {room}',
    message: 'Message',
    messages: 'Messages',
    messageHint: 'Say something…',
    send: 'Send',
    frames: 'Frames',
    noFrames: 'Every frame sent or received shows up here.',
    clear: 'Clear',
    dismiss: 'Dismiss',
    offline: 'Not connected',
    connecting: 'Connecting…',
    online: 'Connected',
    reconnecting: 'Reconnecting…',
    refused: 'Refused',
    noRoom: 'Join a room to start talking.',
    noMessages: 'Nothing here yet. Say something.',
    joined: 'User {id} joined the room',
    left: 'User {id} left the room',
    sending: 'Sending…',
    loginOff: 'Login is disabled on this server: paste an access token.',
    loginFailed: 'Login failed',
    requestFailed: 'The request failed',
    unreachable: 'The server cannot be reached',
    noAnswer: 'The server did not answer',
    noToken: 'The access token is missing',
    originRefused: 'The server does not accept connections from this address',
    ack: 'ack',
    EMPTY_MESSAGE: 'The message is empty',
    NOT_A_MEMBER: 'You are not a member of this room',
    TOO_MANY_MEMBERSHIPS: 'You are a member of too many rooms',
    TOKEN_EXPIRED: 'The session has ended; logging in again',
    UNAUTHORIZED: 'Authentication failed',
    VALIDATION: 'Some of the input is invalid',
    BAD_PAYLOAD: 'The message is malformed',
    UNKNOWN_EVENT: 'The server does not know this event',
    OVERLOADED: 'Too many messages are waiting; try again later',
    SHUTTING_DOWN: 'The server is shutting down',
    INTERNAL: 'Internal server error',
    FORBIDDEN: 'That is not allowed',
    THROTTLED: 'Too many requests; try again later',
    NO_REPLY: 'The server did not reply',
  },
};

/** @typedef {keyof typeof TEXTS} Language */
/** @typedef {keyof typeof TEXTS.zh & keyof typeof TEXTS.en} Key */
/** @typedef {Record<string, string | number>} Values */

const STORED = 'gateway-demo.language';
// The server has looked at what the browser asks for, for this document as for everything else.
/** @type {Language} */
let language = remembered() ?? (document.documentElement.lang === 'en' ? 'en' : 'zh');

/**
 * The sentence behind a key.
 * @param {Key} key
 * @param {Values} values
 */
export function text(key, values = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * Whether the page has a sentence of its own.
 * @param {string | undefined} key
 * @returns {key is Key}
 */
export function knows(key) {
  return Object.hasOwn(TEXTS[language], key ?? '');
}

/**
 * Shows a sentence in an element, and keeps it right when the language changes.
 * @param {HTMLElement} element
 * @param {Key} key
 * @param {Values} values
 */
export function say(element, key, values = {}) {
  element.dataset.text = key;
  element.dataset.values = JSON.stringify(values);
  element.textContent = text(key, values);
}

/**
 * A sentence in an element of its own, to stand beside what is no sentence.
 * @param {Key} key
 * @param {Values} [values]
 */
export function said(key, values) {
  const element = document.createElement('span');
  say(element, key, values);
  return element;
}

/**
 * Fills in every sentence of an element and below it: content, label, tooltip or hint.
 * @param {any} root
 */
export function translate(root) {
  // The document has none itself, nor `matches`.
  const all = (/** @type {string} */ selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  for (const element of all('[data-text]')) {
    element.textContent = text(element.dataset.text, JSON.parse(element.dataset.values ?? '{}'));
  }
  for (const [data, attribute] of [['label', 'aria-label'], ['title', 'title'], ['hint', 'placeholder'], ['none', 'data-empty']]) {
    for (const element of all(`[data-${data}]`)) {
      element.setAttribute(attribute, text(element.dataset[data], JSON.parse(element.dataset.values ?? '{}')));
    }
  }
}

/**
 * Changes the language of the page, for good.
 * @param {Language} chosen
 */
export function speak(chosen) {
  language = chosen;
  try {
    localStorage.setItem(STORED, chosen);
  } catch {
    // Until the page is loaded again, then.
  }
  show();
}

/** The language chosen before. A browser may keep nothing, or what another page of this address left. */
function remembered() {
  try {
    const stored = localStorage.getItem(STORED);
    return stored === 'zh' || stored === 'en' ? stored : undefined;
  } catch {
    return undefined;
  }
}

function show() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  document.title = text('title');
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language));
  }
  translate(document);
}

show();
