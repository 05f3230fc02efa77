// Every sentence of the page, in both languages, and how it gets into the document.

const TEXTS = {
  zh: {
    title: '网关演示',
    tagline: '两个用户,一个房间,每一帧都看得见',
    language: '语言',
    startBoth: '一键开始',
    user: '用户 {id}',
    pane: '第 {number} 台设备',
    nobody: '未登录',
    loginLead: '选一个用户登录,开始聊天。',
    userId: '用户编号',
    role: '角色(可选)',
    ownToken: '使用自己的令牌',
    accessToken: '访问令牌(JWT)',
    login: '登录',
    logout: '退出',
    cut: '断线',
    cutHint: '切断连接,看它自动恢复',
    room: '房间',
    join: '加入',
    leave: '离开',
    message: '消息',
    messages: '消息',
    messageHint: '说点什么…',
    send: '发送',
    frames: '数据帧',
    clear: '清空',
    dismiss: '关闭提示',
    offline: '未连接',
    connecting: '连接中…',
    online: '已连接',
    reconnecting: '重新连接中…',
    refused: '连接被拒绝',
    noRoom: '还没有加入房间。',
    noMessages: '这里还没有消息,说句话吧。',
    joined: '用户 {id} 加入了房间',
    left: '用户 {id} 离开了房间',
    sending: '发送中…',
    loginOff: '此服务器未开放登录,请粘贴访问令牌。',
    loginFailed: '登录失败',
    unreachable: '无法连接服务器',
    noAnswer: '服务器没有回应',
    ack: '应答',
  },
  en: {
    title: 'Gateway demo',
    tagline: 'Two users, one room, every frame in sight',
    language: 'Language',
    startBoth: 'Start both',
    user: 'User {id}',
    pane: 'Device {number}',
    nobody: 'Not logged in',
    loginLead: 'Log in as any user to start talking.',
    userId: 'User number',
    role: 'Role (optional)',
    ownToken: 'Use a token of your own',
    accessToken: 'Access token (JWT)',
    login: 'Log in',
    logout: 'Log out',
    cut: 'Cut line',
    cutHint: 'Cut the connection and watch it recover',
    room: 'Room',
    join: 'Join',
    leave: 'Leave',
    message: 'Message',
    messages: 'Messages',
    messageHint: 'Say something…',
    send: 'Send',
    frames: 'Frames',
    clear: 'Clear',
    dismiss: 'Dismiss',
    offline: 'Not connected',
    connecting: 'Connecting…',
    online: 'Connected',
    reconnecting: 'Reconnecting…',
    refused: 'Refused',
    noRoom: 'Not in a room yet.',
    noMessages: 'Nothing here yet. Say something.',
    joined: 'User {id} joined the room',
    left: 'User {id} left the room',
    sending: 'Sending…',
    loginOff: 'This server has no open login: paste an access token.',
    loginFailed: 'Login failed',
    unreachable: 'The server cannot be reached',
    noAnswer: 'The server did not answer',
    ack: 'ack',
  },
};

const STORED = 'language';
let language = localStorage.getItem(STORED) ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');

/** The sentence behind a key. */
export function text(key, values = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Shows a sentence in an element, and keeps it right when the language changes. */
export function say(element, key, values = {}) {
  element.dataset.text = key;
  element.dataset.values = JSON.stringify(values);
  element.textContent = text(key, values);
}

/** Fills in every sentence below an element: its content, label, tooltip or hint. */
export function translate(root) {
  for (const element of root.querySelectorAll('[data-text]')) {
    element.textContent = text(element.dataset.text, JSON.parse(element.dataset.values ?? '{}'));
  }
  for (const [data, attribute] of [['label', 'aria-label'], ['title', 'title'], ['hint', 'placeholder']]) {
    for (const element of root.querySelectorAll(`[data-${data}]`)) {
      element.setAttribute(attribute, text(element.dataset[data], JSON.parse(element.dataset.values ?? '{}')));
    }
  }
}

/** Changes the language of the page, for good. */
export function speak(chosen) {
  language = chosen;
  localStorage.setItem(STORED, chosen);
  show();
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
